"""The models that Gallop offers, as data: one row each. Everything else that depends on a model comes from its row.

Another model of the same protocol is another row (fact sheet §0, §1, §6 and §14). ``AudioRules``,
``max_total_seconds``, ``excludes`` and ``Whole.special`` have no model yet: the table must be able to hold
wan3.0-video (docs/decisions.md).
"""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING

from gallop.domain import prices
from gallop.domain.fields import Choice, Field, Flag, Whole
from gallop.domain.frozen import frozen
from gallop.domain.media_rules import AudioRules, ImageRules, VideoRules

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from gallop.domain.prices import Price, Scope

# The limits for images that Gallop reads, in order to convert those that DashScope does not accept.
MAX_PICTURE_BYTES = 100 * 1024 * 1024
MAX_PICTURE_PIXELS = 100_000_000
MAX_PROMPT_CHARACTERS = 5000


class Kind(StrEnum):
    """What a model makes a video from."""

    T2V = "t2v"
    I2V = "i2v"
    R2V = "r2v"
    VIDEO_EDIT = "video-edit"


Rules = ImageRules | VideoRules | AudioRules


@frozen(kw_only=True)
class MediaField:
    """A field with the images, videos or audio files that a model takes: ``least`` to ``most`` of them.

    ``name`` is the field in a request, ``type`` DashScope's name for it, and ``noun`` ours. ``rules`` are the limits of
    each file; ``max_total_seconds`` is that of all together. The seconds of ``is_billed`` media are charged like those
    of the result. The field cannot be used together with the fields named in ``excludes``.
    """

    name: str
    type: str
    noun: str
    rules: Rules
    least: int = 0
    most: int = 1
    is_list: bool = False
    is_billed: bool = False
    max_total_seconds: float | None = None
    excludes: tuple[str, ...] = ()

    @property
    def is_image(self) -> bool:
        """Whether its files are images, and not videos or audio files."""
        return isinstance(self.rules, ImageRules)


@frozen(kw_only=True)
class Model:
    """A model: its media, its parameters in their order, and its prices.

    ``absent`` says why it does not have a parameter that other models have. A result is as long as the parameter
    ``duration`` says, or as its input video within ``follows`` (seconds).
    """

    id: str
    kind: Kind
    version: str
    parameters: tuple[Field, ...]
    prices: tuple[Price, ...]
    media: tuple[MediaField, ...] = ()
    needs_prompt: bool = True
    max_prompt_characters: int = MAX_PROMPT_CHARACTERS
    absent: Mapping[str, str] = field(default_factory=dict)
    follows: tuple[float, float] | None = None

    def media_field(self, name: str) -> MediaField | None:
        """Return the media field of this name, if the model has it."""
        return next((found for found in self.media if found.name == name), None)

    def parameter(self, name: str) -> Field | None:
        """Return the parameter of this name, if the model has it."""
        return next((parameter for parameter in self.parameters if parameter.name == name), None)

    def choices(self, name: str) -> tuple[str, ...]:
        """Return the words that a parameter may have; empty if the model does not have it."""
        parameter = self.parameter(name)
        return parameter.choices if isinstance(parameter, Choice) else ()

    def price(self, resolution: str, scope: Scope) -> Decimal:
        """Return the list price in USD per billed second.

        Raises:
            LookupError: there is none.

        """
        for price in self.prices:
            if (price.scope, price.resolution) == (scope, resolution):
                return price.usd
        raise LookupError(f"No price of {self.id} at {resolution}, {scope}.")


RATIOS = ("16:9", "9:16", "3:4", "4:3", "4:5", "5:4", "1:1", "9:21", "21:9")
_MEBIBYTE = 1024 * 1024
_MAX_IMAGE_BYTES = 20 * _MEBIBYTE


def _resolution(*choices: str) -> Choice:
    return Choice(
        name="resolution",
        vendor="resolution",
        choices=choices,
        default="720P",
        vendor_default="1080P",
        description="The short side of the video, or as many pixels in the shape of its input. It decides the price.",
    )


_RATIO = Choice(
    name="ratio", vendor="ratio", choices=RATIOS, default="16:9", description="The shape of the video: width to height."
)
_DURATION = Whole(
    name="duration", vendor="duration", within=range(3, 16), unit=" seconds", default=5, description="Seconds."
)
_SEED = Whole(
    name="seed",
    vendor="seed",
    within=range(2_147_483_648),
    description="The same seed gives similar videos. Without it, each video has a random one.",
)
_WATERMARK = Flag(
    name="watermark",
    vendor="watermark",
    default=False,
    vendor_default=True,
    is_stacks=True,
    description="Whether DashScope writes its name into a corner of the video.",
)
_AUDIO = Choice(
    name="audio",
    vendor="audio_setting",
    choices=("auto", "origin"),
    default="auto",
    description="The sound of an edited video: chosen by the model, or that of the input video.",
)
_FRAME_SHAPE = "the video has the shape of its first frame"
_EDIT = "the result has the shape of the input video"
_EDIT_LENGTH = "the result is as long as the input video, at most 15 seconds"
_NO_EDIT = "only models that edit a video have it"

# Of i2v and video-edit; r2v has no limit of shape, and needs larger images.
_SHAPED = ImageRules(short_side=300, max_aspect=2.5, max_bytes=_MAX_IMAGE_BYTES)
_FIRST_FRAME = MediaField(name="first_frame", type="first_frame", noun="first frame", rules=_SHAPED, least=1)
_REFERENCES = MediaField(
    name="images",
    type="reference_image",
    noun="reference image",
    rules=ImageRules(short_side=400, max_aspect=None, max_bytes=_MAX_IMAGE_BYTES),
    least=1,
    most=9,
    is_list=True,
)
_EDIT_REFERENCES = MediaField(
    name="images", type="reference_image", noun="reference image", rules=_SHAPED, most=5, is_list=True
)
_VIDEO = MediaField(
    name="video",
    type="video",
    noun="video",
    rules=VideoRules(
        min_seconds=3,
        max_seconds=60,
        short_side=360,
        long_side=4096,
        max_aspect=2.5,
        max_bytes=100 * _MEBIBYTE,
        above_fps=8,
    ),
    least=1,
    is_billed=True,
)


def _family(version: str, resolutions: tuple[str, ...], family: tuple[Price, ...]) -> tuple[Model, ...]:
    """Return the three models that a version of HappyHorse has in any case."""
    resolution = _resolution(*resolutions)
    shaped = (resolution, _RATIO, _DURATION, _WATERMARK, _SEED)
    return (
        Model(
            id=f"happyhorse-{version}-t2v",
            kind=Kind.T2V,
            version=version,
            parameters=shaped,
            prices=family,
            absent={"audio": _NO_EDIT},
        ),
        Model(
            id=f"happyhorse-{version}-i2v",
            kind=Kind.I2V,
            version=version,
            media=(_FIRST_FRAME,),
            needs_prompt=False,
            parameters=(resolution, _DURATION, _WATERMARK, _SEED),
            prices=family,
            absent={"ratio": _FRAME_SHAPE, "audio": _NO_EDIT},
        ),
        Model(
            id=f"happyhorse-{version}-r2v",
            kind=Kind.R2V,
            version=version,
            media=(_REFERENCES,),
            parameters=shaped,
            prices=family,
            absent={"audio": _NO_EDIT},
        ),
    )


_EDITING = Model(
    id="happyhorse-1.0-video-edit",
    kind=Kind.VIDEO_EDIT,
    version="1.0",
    media=(_VIDEO, _EDIT_REFERENCES),
    parameters=(_resolution("720P", "1080P"), _AUDIO, _WATERMARK, _SEED),
    prices=prices.HAPPYHORSE_1_0,
    absent={"ratio": _EDIT, "duration": _EDIT_LENGTH},
    follows=(3, 15),
)
MODELS = {
    model.id: model
    for model in (
        *_family("1.0", ("720P", "1080P"), prices.HAPPYHORSE_1_0),
        _EDITING,
        *_family("1.1", ("480P", "720P", "1080P"), prices.HAPPYHORSE_1_1),
    )
}


def default_model(kind: Kind, version: str) -> Model:
    """Return the model of a kind in a version; a kind that the version does not have, in one that has it."""
    of_kind = [model for model in MODELS.values() if model.kind is kind]
    return next((model for model in of_kind if model.version == version), of_kind[0])


def parameters() -> dict[str, list[Field]]:
    """Return the parameters of all models by their name, each variant once."""
    found: dict[str, list[Field]] = {}
    for model in MODELS.values():
        for parameter in model.parameters:
            variants = found.setdefault(parameter.name, [])
            if parameter not in variants:
                variants.append(parameter)
    return found


def field_of(name: str, kind: str) -> MediaField | None:
    """Return a media field by its name, or by DashScope's name for it, ``kind``; None if no model has it."""
    fields = media_fields()
    return fields.get(name) or next((field for field in fields.values() if field.type == kind), None)


def media_fields() -> dict[str, MediaField]:
    """Return a media field of each name that a model has."""
    return {found.name: found for model in MODELS.values() for found in model.media}


def size(resolution: str, ratio: str) -> str | None:
    """Return the pixels of a resolution and ratio in OpenAI's format (``1280x720``); the short side is nominal.

    A ratio that is not one, such as that of an input, has no size.
    """
    across, colon, down = ratio.partition(":")
    if not colon:
        return None
    short, sides = int(resolution.removesuffix("P")), sorted((int(across), int(down)))
    long = round(short * sides[1] / sides[0] / 2) * 2
    return f"{long}x{short}" if int(across) >= int(down) else f"{short}x{long}"
