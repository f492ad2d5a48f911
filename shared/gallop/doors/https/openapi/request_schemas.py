"""The schemas of a request for a video: the fields of all models; limits are those of the code that checks them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallop.domain import models
from gallop.domain.placement import MAX_TAGS
from gallop.domain.request import references
from gallop.domain.request.own_fields import DRY_RUN, MAX_METADATA_BYTES, PRIORITY, N
from gallop.doors.https.openapi.basics import TEXT, Schema, choice, closed, nullable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gallop.domain.fields import Field
    from gallop.domain.models import MediaField


def video_request() -> Schema:
    """Describe the native body of a request for a video: the fields of all models; `GET /v1/models` has those of each.

    Which fields a model requires is not in the schema: generators of clients make no class of it.
    """
    return {
        **closed(_fields(), required=()),
        "description": (
            "A request for a video, or `n` of them. Its files decide the model, unless it names one: `video` is "
            "edited, `first_frame` is animated, `images` are references; without files, the video is made from the "
            "prompt alone."
        ),
    }


def video_form() -> Schema:
    """Describe the same body as a form: numbers and flags are text, and images are files."""
    objects = {
        name: {"type": "string", "description": f"An object in JSON; or send `{name}[name]`."}
        for name in ("metadata", "tags")
    }
    texts: dict[str, Schema] = {
        name: TEXT for name in _fields() if name not in (*references.containers(), *objects) or name in _clips()
    }
    file: Schema = {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}
    files: dict[str, Schema] = {
        "images": {"type": "array", "items": file, "description": "The files, in their order; or text, as in JSON."},
        "first_frame": {**file, "description": "The file; or text, as in JSON."},
        "input_reference": {**file, "description": "OpenAI's name for one image."},
    }
    shape = closed({**texts, **objects, **files}, required=())
    description = "The same request as a form. Lists may also be named `images[]` and `input_reference[]`."
    return {**shape, "additionalProperties": True, "description": description}


def _fields() -> dict[str, Schema]:
    optional = {**_of_the_video(), **_of_the_request()}
    return {"prompt": _prompt(), **{name: nullable(schema) for name, schema in optional.items()}}


def _prompt() -> Schema:
    return {
        "type": "string",
        "maxLength": max(model.max_prompt_characters for model in models.MODELS.values()),
        "description": (
            "Required, except with a first frame. `[Image 1]` refers to the first image. A Chinese character counts as "
            "two."
        ),
    }


def parameters() -> dict[str, Schema]:
    """Return the schema of each parameter, with what the models that have it differ in."""
    return {name: _parameter(variants) for name, variants in models.parameters().items()}


def _parameter(variants: Sequence[Field]) -> Schema:
    schemas = [variant.schema() for variant in variants]
    merged = schemas[0]
    if all("enum" in schema for schema in schemas):
        merged = {**merged, "enum": list(dict.fromkeys(value for schema in schemas for value in schema["enum"]))}
    elif any(schema != merged for schema in schemas):
        merged = {"anyOf": schemas}
    return {**merged, **_default_of(variants)}


def _default_of(variants: Sequence[Field]) -> Schema:
    """Return the description of a parameter, and its default, if every model has the parameter and that default.

    Generated clients send each default that the schema has, also to a model without the parameter.
    """
    first = variants[0]
    if first.is_stacks:
        return {"description": f"{first.description} The operator of the stack sets the default: see `GET /v1/models`."}
    defaults = {variant.default for variant in variants}
    if defaults == {None} or len(defaults) > 1:
        return {"description": first.description}
    if all(model.parameter(first.name) for model in models.MODELS.values()):
        return {"default": first.default, "description": first.description}
    return {"description": f"{first.description} The default is {first.default}, where the model has it."}


def _of_the_video() -> dict[str, Schema]:
    in_text = {"type": "string", "pattern": "^[0-9]{1,3}$"}
    duration = bare(parameters()["duration"])
    return {
        "model": {**choice(models.MODELS), "description": "Without it, the files decide."},
        **parameters(),
        "seconds": {"anyOf": [duration, in_text], "description": "OpenAI's name for `duration`."},
        "size": {**choice(_sizes()), "description": "OpenAI's name for `resolution` and `ratio` together."},
    }


def bare(schema: Schema) -> Schema:
    """Return a schema without its default and description."""
    return {name: value for name, value in schema.items() if name not in ("default", "description")}


def _of_the_request() -> dict[str, Schema]:
    referred = [closed({name: TEXT}, required=(name,)) for name in ("image_url", "file_id")]
    reference = {"anyOf": [_IMAGE, *referred]}
    types = sorted({medium.type for model in models.MODELS.values() for medium in model.media})
    item = closed({"type": nullable(choice(types)), "url": _IMAGE}, required=("url",))
    limit = max(medium.most for model in models.MODELS.values() for medium in model.media)
    return {
        **{name: _media_field(medium) for name, medium in models.media_fields().items()},
        "input_reference": {
            "anyOf": [reference, {"type": "array", "minItems": 1, "maxItems": limit, "items": reference}],
            "description": "OpenAI's name for `images`; for `first_frame`, if the model takes one.",
        },
        "media": {
            "type": "array",
            "maxItems": limit + 1,
            "items": item,
            "description": "DashScope's name for all of them, by `type`.",
        },
        "metadata": {
            "type": "object",
            "additionalProperties": True,
            "description": f"Your own data, returned unchanged; maximum {MAX_METADATA_BYTES:,} bytes of JSON.",
        },
        "webhook": {
            "type": "string",
            "description": "Where to send notifications: a URL at one of your webhook endpoints, or a path there.",
        },
        **{
            own.name: {**own.schema(), "default": own.default, "description": own.description}
            for own in (PRIORITY, N, DRY_RUN)
        },
        **_where(),
    }


def _where() -> dict[str, Schema]:
    account = "The DashScope account of the stack on which it must run. The operator knows its name."
    tags = 'Tags that its DashScope account must have, as `{"region": "eu"}`. Without such an account it is refused.'
    return {
        "account": {**_TAG, "description": account},
        "tags": {
            "type": "object",
            "minProperties": 1,
            "maxProperties": MAX_TAGS,
            "additionalProperties": _TAG,
            "description": tags,
        },
    }


def _media_field(medium: MediaField) -> Schema:
    most = max(one.most for model in models.MODELS.values() for one in model.media if one.name == medium.name)
    takers = [model.id for model in models.MODELS.values() if model.media_field(medium.name)]
    item = _IMAGE if medium.is_image else _CLIP
    about = f"{medium.noun.capitalize()}{'s' if medium.is_list else ''} for {', '.join(takers)}"
    if medium.is_list:
        return {"type": "array", "maxItems": most, "items": item, "description": f"{about}."}
    return {**item, "description": f"{about}: {item['description']}"}


_TAG: Schema = {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,31}$"}
_IMAGE: Schema = {
    "type": "string",
    "pattern": "^([hH][tT]{2}[pP][sS]|[dD][aA][tT][aA]|[sS]3):|^upload_",
    "description": "`https://...`, `data:image/jpeg;base64,...`, `upload_...` or `s3://<inbox>/uploads/...`",
}
_CLIP: Schema = {
    "type": "string",
    "pattern": "^([hH][tT]{2}[pP][sS]|[sS]3):|^upload_",
    "description": "`https://...`, `upload_...` or `s3://<inbox>/uploads/...`",
}


def _clips() -> set[str]:
    return {name for name, medium in models.media_fields().items() if not medium.is_image}


def _sizes() -> list[str]:
    resolutions = parameters()["resolution"]["enum"]
    sizes = [models.size(name, ratio) for name in sorted(resolutions, key=_lines) for ratio in models.RATIOS]
    return [size for size in sizes if size]


def _lines(resolution: str) -> int:
    return int(resolution.removesuffix("P"))
