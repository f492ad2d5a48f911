"""The prompt of a request: present, short enough, and about images that are there."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import TYPE_CHECKING

from gallop.domain.faults import MAX_FAULTS, Fault, omitted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gallop.domain.models import Model

UNPAIRED = "contains an unpaired surrogate; send valid UTF-8"
UNPAIRED_REMEDY = "In JSON, escape a character beyond U+FFFF as a pair of surrogates, or do not escape it."

_NUMBERED_IMAGE = re.compile(r"\[\s*image\s*(\d+)\s*\]", re.IGNORECASE)
# Spaces, controls, formats, and marks that have nothing to be on; then letters and a symbol that are spaces.
_UNSEEN = ("Zs", "Zl", "Zp", "Cc", "Cf", "Mn", "Mc", "Me")
_FILLERS = "\u115f\u1160\u2800\u3164\uffa0"
_HAN = "[\u3000-\u303f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"


def read(value: object, model: Model, images: int | None) -> tuple[str, list[Fault]]:
    """Return the prompt, and its faults without a place; ``images`` is the number of images, None if not known yet."""
    is_absent = value is None or (isinstance(value, str) and _is_blank(value))
    if is_absent and not model.needs_prompt:
        return "", []
    if is_absent or not isinstance(value, str):
        problem = "is missing or empty" if is_absent else "must be text"
        return "", [Fault("", problem, "Describe what should happen in the video.")]
    return str(value), [*_length_fault(value, model), *([] if images is None else _number_faults(value, images))]


def length(prompt: str) -> int:
    """Count the characters of a prompt as DashScope does, a Chinese character as two (fact sheet §1.2)."""
    # Compiled when it is needed: that takes 2 ms.
    return len(prompt) if prompt.isascii() else len(prompt) + len(re.findall(_HAN, prompt))


def is_text(value: object) -> bool:
    """Return whether all texts in a JSON value can be sent: none contains an unpaired surrogate."""
    try:
        return bool(json.dumps(value, ensure_ascii=False, default=lambda _: "").encode())
    except UnicodeEncodeError:
        return False


def _length_fault(prompt: str, model: Model) -> Iterator[Fault]:
    limit, found = model.max_prompt_characters, length(prompt)
    if found > limit:
        problem = f"is too long: {found:,} characters; the maximum is {limit:,} (a Chinese character counts as two)"
        yield Fault("", problem, "Shorten it: DashScope would silently cut off the rest.")


def _number_faults(prompt: str, images: int) -> Iterator[Fault]:
    named = sorted({_number(digits) for digits in _NUMBERED_IMAGE.findall(prompt)})
    absent = [number for number in named if not 1 <= number <= images]
    there = {0: "the request has none", 1: "there is only 1 image"}.get(images, f"there are only {images} images")
    for number in absent[:MAX_FAULTS]:
        remedy = "Number the images from 1, in the order in which you send them."
        yield Fault("", f"refers to [Image {number}], but {there}", remedy)
    yield from omitted(len(absent) - MAX_FAULTS)


def _is_blank(text: str) -> bool:
    """Return whether no character of a text can be seen: DashScope would charge for it all the same."""
    return all(unicodedata.category(one) in _UNSEEN or one in _FILLERS for one in text)


def _number(digits: str) -> int:
    """Return the number of an image; more than nine digits are cut, because none has them."""
    return int(digits.lstrip("0")[:9] or "0")
