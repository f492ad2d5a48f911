"""Requests for a video, read field by field, so that every fault is found before any money is spent."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from gallop.domain import models
from gallop.domain.errors import InvalidRequest
from gallop.domain.faults import Fault
from gallop.domain.request import references, urls
from gallop.domain.scheduling import queue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from gallop.domain.request.images import Image

MAX_METADATA_BYTES = 4096
MAX_NESTING = 32

_DIGITS = re.compile(r"[0-9]{1,3}")
_NUMBERED_IMAGE = re.compile(r"\[\s*image\s*0*(\d{1,9})\d*\s*\]", re.IGNORECASE)
_HAN = re.compile("[\u3000-\u303f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoRequest:
    """A valid request for one video, within DashScope's limits. ``duration`` is in seconds.

    ``webhook`` is the address to notify when the job ends; empty for the client's endpoints. ``priority`` is 0 to 9:
    among the waiting jobs of one client, those with the highest priority start first.
    """

    prompt: str
    images: tuple[Image, ...]
    model: str
    resolution: str = models.DEFAULT_RESOLUTION
    ratio: str = models.DEFAULT_RATIO
    duration: int = models.DEFAULT_DURATION_SECONDS
    seed: int | None = None
    watermark: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict)
    webhook: str = ""
    priority: int = 0


@dataclass(frozen=True, slots=True)
class RequestDefaults:
    """What a stack adds to a request: its default model, and the only bucket that a request may refer to.

    A request may refer to the uploads of ``client``; ``webhook_origins`` are the origins of that client's endpoints.
    """

    default_model: str
    inbox_bucket: str
    client: str = ""
    webhook_origins: tuple[str, ...] = ()


def read(body: object, defaults: RequestDefaults, inspect: Callable[[str, Image], Image | Fault]) -> VideoRequest:
    """Read a native JSON body; ``inspect`` checks the bytes of each image that Gallop can read.

    Raises:
        InvalidRequest: the request is invalid, with one fault per problem.

    """
    reader = Reader(body)
    sent = reader.images(defaults.inbox_bucket, defaults.client)
    images = reader.inspected(sent, inspect)
    webhook = reader.webhook(defaults.webhook_origins)
    return replace(reader.request(defaults.default_model, images, of=reader.images_sent), webhook=webhook)


def read_fields(
    fields: Mapping[str, Any], images: Sequence[Image | Fault], sent: int, default_model: str
) -> VideoRequest:
    """Read the fields of a request whose images were read separately: ``sent`` of them, usable or not.

    Raises:
        InvalidRequest: the request is invalid, with one fault per problem.

    """
    reader = Reader({name: value for name, value in fields.items() if name != "images"})
    return reader.request(default_model, reader.usable(images), of=sent)


class Reader:
    """Read one field after the other from a body, and collect the problems in ``faults``."""

    def __init__(self, body: object) -> None:
        """Take a parsed JSON body.

        Raises:
            InvalidRequest: the body is not an object, or is nested more than ``MAX_NESTING`` levels deep.

        """
        if not isinstance(body, dict):
            raise InvalidRequest([Fault("", "the body is not a JSON object", 'Send an object: {"prompt": "..."}.')])
        if _is_deeper_than(MAX_NESTING, body):
            raise InvalidRequest([Fault("", "the body is nested too deeply", "Send a flat object.")])
        self.fields: dict[str, Any] = dict(body)
        self.faults: list[Fault] = []
        self.images_sent = 0
        self._read = {"images"}
        for name in (name for name, value in self.fields.items() if not _is_text(value)):
            self.fault(
                _pointer(name),
                "contains an unpaired surrogate; send valid UTF-8",
                "In JSON, escape a character beyond U+FFFF as a pair of surrogates, or do not escape it.",
            )

    def request(self, default_model: str, images: tuple[Image, ...], of: int) -> VideoRequest:
        """Build the request; ``of`` is the number of images that were sent, usable or not.

        Raises:
            InvalidRequest: the request is invalid, with one fault per problem.

        """
        prompt = self.prompt(of)
        self._check_image_count(of)
        model = self.choice("model", tuple(models.MODELS), default_model)
        resolution, ratio = self._picture(models.MODELS[model].resolutions)
        request = VideoRequest(
            prompt=prompt,
            images=images,
            model=model,
            resolution=resolution,
            ratio=ratio,
            duration=self._duration(),
            seed=self.seed(),
            watermark=self.flag("watermark"),
            metadata=self.metadata(),
            priority=self.whole("priority", queue.PRIORITIES) or 0,
        )
        self._refuse_unknown_fields()
        if self.faults:
            raise InvalidRequest(self.faults)
        return request

    def fault(self, where: str, problem: str, remedy: str) -> None:
        """Record a problem."""
        self.faults.append(Fault(where, problem, remedy))

    def take(self, name: str) -> Any:  # noqa: ANN401 - JSON
        """Remove a field and return its value; None if it is absent or null."""
        self._read.add(name)
        return self.fields.pop(name, None)

    def prompt(self, images: int) -> str:
        """Read the prompt of a request with this number of images."""
        value = self.take("prompt")
        if not isinstance(value, str) or not value.strip():
            self.fault("/prompt", "is missing or empty", "Describe what should happen in the video.")
            return ""
        length = prompt_length(value)
        if length > models.MAX_PROMPT_CHARACTERS:
            self.fault(
                "/prompt",
                f"is too long: {length:,} characters; the maximum is {models.MAX_PROMPT_CHARACTERS:,} "
                "(a Chinese character counts as two)",
                "Shorten it: DashScope would silently cut off the rest.",
            )
        for number in sorted({int(match) for match in _NUMBERED_IMAGE.findall(value)}):
            if not 1 <= number <= images:
                self.fault(
                    "/prompt",
                    f"refers to [Image {number}], but there {_only(images)}",
                    "Number the images from 1, in the order in which you send them.",
                )
        return value

    def images(self, inbox_bucket: str, client: str = "") -> dict[str, Image]:
        """Read the images from every field that may contain them; return those that are valid, by JSON pointer."""
        sent = [
            *references.parse_images(self.take("images")),
            *references.parse_input_reference(self.take("input_reference")),
            *references.parse_media(self.take("media")),
        ]
        self.images_sent = len(sent)
        inbox = references.Inbox(inbox_bucket, client)
        read = {where: inbox.image(where, value) for where, value in sent[: models.MAX_IMAGES]}
        self.usable(list(read.values()))
        return {where: image for where, image in read.items() if not isinstance(image, Fault)}

    def inspected(
        self, images: Mapping[str, Image], inspect: Callable[[str, Image], Image | Fault]
    ) -> tuple[Image, ...]:
        """Inspect the images and return the usable ones; the others become faults."""
        return self.usable([inspect(where, image) for where, image in images.items()])

    def usable(self, inspected: Sequence[Image | Fault]) -> tuple[Image, ...]:
        """Return the usable images, and record the faults of the others."""
        self.faults.extend(image for image in inspected if isinstance(image, Fault))
        return tuple(image for image in inspected if not isinstance(image, Fault))

    def _check_image_count(self, count: int) -> None:
        if not 1 <= count <= models.MAX_IMAGES:
            self.fault(
                "/images",
                f"there are {count} images; 1 to {models.MAX_IMAGES} are required",
                "Send at least one reference image, in images or input_reference." if count < 1 else "Remove some.",
            )

    def choice(self, name: str, choices: Sequence[str], default: str) -> str:
        """Read a field with a fixed set of values."""
        value = self.take(name)
        if value is None:
            return default
        if value not in choices:
            hint = difflib.get_close_matches(str(value), choices, n=1)
            remedy = f"Did you mean {hint[0]}? " if hint else ""
            remedy = f"{remedy}Use one of {', '.join(choices)}. The default is {default}."
            self.fault(f"/{name}", f"unknown value {_shown(value)}", remedy)
            return default
        return str(value)

    def whole(self, name: str, within: range, unit: str = "") -> int | None:
        """Read a whole number; ``unit`` follows the range in the message."""
        value = self.take(name)
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or value not in within:
            self.fault(
                f"/{name}",
                f"must be a whole number from {within.start:,} to {within.stop - 1:,}{unit}, not {_shown(value)}",
                "Send a whole number in this range.",
            )
            return None
        return value

    def flag(self, name: str) -> bool:
        """Read a Boolean field; the default is false."""
        value = self.take(name)
        if value is not None and not isinstance(value, bool):
            self.fault(f"/{name}", f"must be true or false, not {_shown(value)}", "Send true or false.")
            return False
        return bool(value)

    def seed(self) -> int | None:
        """Read the seed."""
        return self.whole("seed", models.SEEDS)

    def webhook(self, origins: Sequence[str]) -> str:
        """Read the address to notify at the end: a request may choose only its path and query."""
        value = self.take("webhook")
        if value is None:
            return ""
        url = urls.within(value, origins) if isinstance(value, str) else None
        if url is None:
            path = ", or only a path: /..." if len(origins) == 1 else "."
            remedy = f"Use an address at {' or '.join(origins)}{path}"
            if not origins:
                remedy = "Ask the operator of the stack to add an endpoint: gallop webhooks add."
            self.fault("/webhook", "must be an address at one of your webhook endpoints", remedy)
            return ""
        return url

    def metadata(self) -> dict[str, Any]:
        """Read the metadata, which belongs to the caller: Gallop stores and returns it."""
        value = self.take("metadata")
        if value is None:
            return {}
        if not isinstance(value, dict) or len(json.dumps(value).encode()) > MAX_METADATA_BYTES:
            self.fault("/metadata", f"must be an object of at most {MAX_METADATA_BYTES:,} bytes", "Shorten it.")
            return {}
        return value

    def _duration(self) -> int:
        if "duration" not in self.fields and isinstance(self.fields.get("seconds"), str):
            text = self.fields["seconds"]
            self.fields["seconds"] = int(text) if _DIGITS.fullmatch(text) else text
        seconds = self.whole("seconds", models.DURATION_SECONDS, " seconds")
        duration = self.whole("duration", models.DURATION_SECONDS, " seconds")
        if duration is not None and seconds is not None and duration != seconds:
            self.fault("/seconds", f"is {seconds}, but duration is {duration}", "Send only one of the two.")
        return duration or seconds or models.DEFAULT_DURATION_SECONDS

    def _picture(self, resolutions: Sequence[str]) -> tuple[str, str]:
        size = self.take("size")
        resolution, ratio = models.DEFAULT_RESOLUTION, models.DEFAULT_RATIO
        if size is not None:
            sizes = {models.size(name, shape): (name, shape) for name in resolutions for shape in models.RATIOS}
            if isinstance(size, str) and size in sizes:
                resolution, ratio = sizes[size]
            else:
                self.fault("/size", f"unknown value {_shown(size)}", f"Use one of {', '.join(sizes)}.")
        return self.choice("resolution", resolutions, resolution), self.choice("ratio", models.RATIOS, ratio)

    def _refuse_unknown_fields(self) -> None:
        for name in self.fields:
            hint = difflib.get_close_matches(name, sorted(self._read), n=1)
            remedy = f"Did you mean {hint[0]}?" if hint else f"Valid fields are {', '.join(sorted(self._read))}."
            self.fault(_pointer(name), "is not a field of a video request", remedy)


def prompt_length(prompt: str) -> int:
    """Count the characters of a prompt as DashScope does, a Chinese character as two (fact sheet §1.2)."""
    return len(prompt) + len(_HAN.findall(prompt))


def _only(images: int) -> str:
    return "is only 1 image" if images == 1 else f"are only {images} images"


def _shown(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 - one line


def _pointer(name: str) -> str:
    return "/" + name.encode(errors="replace").decode().replace("~", "~0").replace("/", "~1")[:80]


def _is_text(value: object) -> bool:
    try:
        return bool(json.dumps(value, ensure_ascii=False, default=lambda _: "").encode())
    except UnicodeEncodeError:
        return False


def _is_deeper_than(levels: int, value: object) -> bool:
    layer = [value]
    for _ in range(levels):
        layer = [inner for outer in layer if isinstance(outer, dict | list) for inner in _inside(outer)]
    return bool(layer)


def _inside(outer: dict[str, object] | list[object]) -> Iterable[object]:
    return outer.values() if isinstance(outer, dict) else outer
