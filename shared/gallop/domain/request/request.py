"""Requests for a video, read field by field, so that every fault is found before any money is spent."""

from __future__ import annotations

import difflib
import json
import re
import unicodedata
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from gallop.domain import models
from gallop.domain.errors import InvalidRequest
from gallop.domain.faults import MAX_FAULTS, MAX_NAME_CHARACTERS, Fault, omitted, shown
from gallop.domain.request import references, urls
from gallop.domain.request.dialects import WORDS, Dialect
from gallop.domain.scheduling import queue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gallop.domain.request.images import Image
    from gallop.domain.request.references import Sent

MAX_METADATA_BYTES = 4096

_DIGITS = re.compile(r"[0-9]{1,3}")
_NUMBERED_IMAGE = re.compile(r"\[\s*image\s*(\d+)\s*\]", re.IGNORECASE)
# Spaces, controls, formats, and marks that have nothing to be on; then letters and a symbol that are spaces.
_UNSEEN = ("Zs", "Zl", "Zp", "Cc", "Cf", "Mn", "Mc", "Me")
_FILLERS = "\u115f\u1160\u2800\u3164\uffa0"
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

    A request may refer to the uploads of ``client``, who speaks ``dialect``; ``webhook_origins`` are the origins of
    that client's endpoints.
    """

    default_model: str
    inbox_bucket: str
    client: str = ""
    webhook_origins: tuple[str, ...] = ()
    dialect: Dialect = Dialect.NATIVE


def read(body: object, defaults: RequestDefaults, inspect: Callable[[str, Image], Image | Fault]) -> VideoRequest:
    """Read a native JSON body; ``inspect`` checks the bytes of each image that Gallop can read.

    Raises:
        InvalidRequest: the request is invalid, with one fault per problem.

    """
    reader = Reader(body, defaults.dialect)
    sent = reader.sent_images()
    images = reader.inspected(reader.images(sent, defaults), inspect)
    webhook = reader.webhook(defaults.webhook_origins)
    return replace(reader.request(defaults.default_model, images, of=len(sent)), webhook=webhook)


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

    def __init__(self, body: object, dialect: Dialect = Dialect.NATIVE) -> None:
        """Take a parsed JSON body; every fault has the names of the dialect.

        Raises:
            InvalidRequest: the body is not an object.

        """
        if not isinstance(body, dict):
            raise InvalidRequest([Fault("", "the body is not a JSON object", 'Send an object: {"prompt": "..."}.')])
        self.fields: dict[str, Any] = dict(body)
        self.faults: list[Fault] = []
        self.words = WORDS[dialect]
        self._name_of_images = self.words.images
        self._read = {"images"}
        for name in (name for name, value in self.fields.items() if not _is_text(value)):
            self.fault(
                name,
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
            watermark=self.flag("watermark", default=self.words.watermark),
            metadata=self.metadata(),
            priority=self.whole("priority", queue.PRIORITIES) or 0,
        )
        self._refuse_unknown_fields()
        if self.faults:
            raise InvalidRequest(self.faults)
        return request

    def fault(self, name: str, problem: str, remedy: str) -> None:
        """Record a problem of a field."""
        self.faults.append(Fault(self.words.place(name), problem, remedy))

    def take(self, name: str) -> Any:  # noqa: ANN401 - JSON
        """Remove a field and return its value; None if it is absent or null."""
        self._read.add(name)
        return self.fields.pop(name, None)

    def prompt(self, images: int) -> str:
        """Read the prompt of a request with this number of images."""
        value = self.take("prompt")
        if not isinstance(value, str) or _is_blank(value):
            is_other = value is not None and not isinstance(value, str)
            problem = "must be text" if is_other else "is missing or empty"
            self.fault("prompt", problem, "Describe what should happen in the video.")
            return ""
        length = prompt_length(value)
        if length > models.MAX_PROMPT_CHARACTERS:
            self.fault(
                "prompt",
                f"is too long: {length:,} characters; the maximum is {models.MAX_PROMPT_CHARACTERS:,} "
                "(a Chinese character counts as two)",
                "Shorten it: DashScope would silently cut off the rest.",
            )
        named = sorted({_number(digits) for digits in _NUMBERED_IMAGE.findall(value)})
        absent = [number for number in named if not 1 <= number <= images]
        for number in absent[:MAX_FAULTS]:
            self.fault(
                "prompt",
                f"refers to [Image {number}], but there {_only(images)}",
                "Number the images from 1, in the order in which you send them.",
            )
        self.faults += omitted(len(absent) - MAX_FAULTS)
        return value

    def sent_images(self) -> list[Sent]:
        """Read every field that may contain images; return what was sent in each place."""
        by_name = {
            "images": [*references.parse_images(self.take("images"))],
            "input_reference": [*references.parse_input_reference(self.take("input_reference"))],
            "media": [*references.parse_media(self.take("media"))],
        }
        names = [name for name, sent in by_name.items() if sent]
        if len(names) == 1:
            self._name_of_images = names[0]
        return [one for sent in by_name.values() for one in sent]

    def images(self, sent: Sequence[Sent], defaults: RequestDefaults) -> dict[str, Image]:
        """Return the valid ones of the images that were sent, by JSON pointer; the others become faults."""
        inbox = references.Inbox(defaults.inbox_bucket, defaults.client, self.words.references)
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
            name = self._name_of_images
            self.fault(
                name,
                f"there are {count:,} images; 1 to {models.MAX_IMAGES} are required",
                f"Send at least one reference image, in {name}." if count < 1 else "Remove some.",
            )

    def choice(self, name: str, choices: Sequence[str], default: str) -> str:
        """Read a field with a fixed set of values."""
        value = self.take(name)
        if value is None:
            return default
        if value not in choices:
            hint = _nearest(str(value), choices)
            remedy = f"Did you mean {hint}? " if hint else ""
            remedy = f"{remedy}Use one of {', '.join(choices)}. The default is {default}."
            self.fault(name, f"unknown value {shown(value)}", remedy)
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
                name,
                f"must be a whole number from {within.start:,} to {within.stop - 1:,}{unit}, not {shown(value)}",
                "Send a whole number in this range.",
            )
            return None
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Read a Boolean field."""
        value = self.take(name)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        self.fault(name, f"must be true or false, not {shown(value)}", "Send true or false.")
        return default

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
            self.fault("webhook", "must be an address at one of your webhook endpoints", remedy)
            return ""
        return url

    def metadata(self) -> dict[str, Any]:
        """Read the metadata, which belongs to the caller: Gallop stores and returns it."""
        value = self.take("metadata")
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.fault("metadata", "must be an object", 'Send an object: {"order": "17"}.')
            return {}
        size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace"))
        if size > MAX_METADATA_BYTES:
            problem = f"is too long: {size:,} bytes as JSON in UTF-8; the maximum is {MAX_METADATA_BYTES:,} bytes"
            self.fault("metadata", problem, "Shorten it.")
            return {}
        return value

    def _duration(self) -> int:
        text = self.fields.get("seconds")
        if isinstance(text, str) and _DIGITS.fullmatch(text):
            self.fields["seconds"] = int(text)
        seconds = self.whole("seconds", models.DURATION_SECONDS, " seconds")
        duration = self.whole("duration", models.DURATION_SECONDS, " seconds")
        if duration is not None and seconds is not None and duration != seconds:
            self.fault("seconds", f"is {seconds}, but duration is {duration}", "Send only one of the two.")
        return duration or seconds or models.DEFAULT_DURATION_SECONDS

    def _picture(self, resolutions: Sequence[str]) -> tuple[str, str]:
        sizes = {models.size(name, shape): (name, shape) for name in resolutions for shape in models.RATIOS}
        size = self.take("size")
        by_size = sizes.get(size) if isinstance(size, str) else None
        if size is not None and by_size is None:
            self.fault("size", f"unknown value {shown(size)}", f"Use one of {', '.join(sizes)}.")
        defaults = by_size or (self.words.resolution, models.DEFAULT_RATIO)
        chosen = (
            self.choice("resolution", resolutions, defaults[0]),
            self.choice("ratio", models.RATIOS, defaults[1]),
        )
        for name, value, of_size in zip(("resolution", "ratio"), chosen, by_size or chosen, strict=True):
            if value != of_size:
                self.fault("size", f"is {size}, but {name} is {value}", "Send only one of the two.")
        return chosen

    def _refuse_unknown_fields(self) -> None:
        for name in list(self.fields)[:MAX_FAULTS]:
            hint = _nearest(name, sorted(self._read))
            remedy = f"Did you mean {hint}?" if hint else f"Valid fields are {', '.join(sorted(self._read))}."
            self.fault(name, "is not a field of a video request", remedy)
        self.faults += omitted(len(self.fields) - MAX_FAULTS)


def prompt_length(prompt: str) -> int:
    """Count the characters of a prompt as DashScope does, a Chinese character as two (fact sheet §1.2)."""
    return len(prompt) + len(_HAN.findall(prompt))


def _is_blank(text: str) -> bool:
    """Return whether no character of a text can be seen: DashScope would charge for it all the same."""
    return all(unicodedata.category(one) in _UNSEEN or one in _FILLERS for one in text)


def _only(images: int) -> str:
    return "is only 1 image" if images == 1 else f"are only {images} images"


def _number(digits: str) -> int:
    """Return the number of an image; more than nine digits are cut, because none has them."""
    return int(digits.lstrip("0")[:9] or "0")


def _nearest(text: str, choices: Sequence[str]) -> str | None:
    return next(iter(difflib.get_close_matches(text[:MAX_NAME_CHARACTERS], choices, n=1)), None)


def _is_text(value: object) -> bool:
    try:
        return bool(json.dumps(value, ensure_ascii=False, default=lambda _: "").encode())
    except UnicodeEncodeError:
        return False
