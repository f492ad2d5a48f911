"""Whether a drop can start, and if not, what it lacks: each thing in words that name the file and the remedy."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from gallop.domain import models
from gallop.domain.drops.drop import PREFIX, PROMPT, SETTINGS, Drop, Entry, is_cancel
from gallop.domain.faults import Fault, file_fault

if TYPE_CHECKING:
    from gallop.domain.drops.texts import Texts

# More than a request may have is a fault of its own; the first names will do then.
MAX_LISTED = 2 * models.MAX_IMAGES
_ROOT_TEXTS = (PROMPT, SETTINGS)
_WRITTEN = (".txt", ".text", ".md")
_DOCUMENTS = (".rtf", ".doc", ".docx", ".odt", ".pages", ".pdf")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to become of a drop: the fields of its request, its images in their order, ``sent`` of them meant.

    ``missing`` is what may still come, ``faults`` what has to be mended. ``at_once`` marks a drop that says itself
    when it is whole. ``identity`` is what its texts say, without the stack's defaults: a drop stays the same when
    those change. ``prompt_in_settings`` tells which of the two texts the prompt is from.
    """

    fields: dict[str, Any]
    images: tuple[Entry, ...]
    sent: int
    at_once: bool
    identity: str
    prompt_in_settings: bool
    missing: tuple[Fault, ...] = ()
    faults: tuple[Fault, ...] = ()


def plan(drop: Drop, texts: Texts, default_prompt: str) -> Plan:
    """Put together what a drop says, and what it lacks."""
    fields = dict(texts.settings or {})
    prompt_in_settings = "prompt" in fields
    if texts.prompt is not None:
        fields.setdefault("prompt", texts.prompt.strip())
    if not drop.is_folder:
        fields.setdefault("prompt", default_prompt)
    found = _Found()
    listed = fields.pop("images", None)
    images = found.listed(drop, listed) if listed else found.all(drop)
    if "prompt" not in fields and not texts.faults:
        found.missing.append(_no_prompt(drop))
    own_prompt = None if prompt_in_settings or texts.prompt is None else texts.prompt.strip()
    return Plan(
        fields=fields,
        images=images,
        sent=len(listed or images),
        at_once=bool(listed),
        identity=json.dumps([own_prompt, texts.settings], sort_keys=True),
        prompt_in_settings=prompt_in_settings,
        missing=tuple(found.missing),
        faults=(*texts.faults, *found.faults),
    )


def placed(fault: Fault, drop: Drop, plan: Plan) -> Fault | None:
    """Say the fault of a field in terms of the file that it came from; None if the plan has said it already."""
    if fault.file:
        return fault
    if fault.pointer == "/prompt" and "prompt" not in plan.fields:
        return None
    if fault.pointer == "/prompt" and drop.prompt and not plan.prompt_in_settings:
        return replace(fault, file=drop.prompt.name, pointer="")
    if drop.settings and (plan.at_once or fault.pointer != "/images"):
        return replace(fault, file=drop.settings.name)
    return replace(fault, file=drop.path, pointer="")


@dataclass(slots=True)
class _Found:
    """What was found out about the images of a drop."""

    missing: list[Fault] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def all(self, drop: Drop) -> tuple[Entry, ...]:
        """Take all images, in the order of their names."""
        if not drop.images:
            self.missing.append(_no_image(drop))
        return drop.images

    def listed(self, drop: Drop, names: list[str]) -> tuple[Entry, ...]:
        """Take the images that are listed, in their order; case and form of the letters may differ."""
        there = [*drop.images, *drop.strangers]
        found = {name: _named(there, name) for name in names[:MAX_LISTED]}
        absent = list(dict.fromkeys(name for name, entry in found.items() if entry is None))
        remedy = "Upload it, or take it off the list."
        problem = f"is listed in {SETTINGS} and is not in the folder"
        self.missing += [file_fault(name[:200], problem, remedy) for name in absent]
        return tuple(entry for name in names[: models.MAX_IMAGES] if (entry := found[name]) is not None)


def _named(entries: list[Entry], name: str) -> Entry | None:
    """Find the entry of a name, or else the only one whose name differs in capital letters only."""
    exact = [entry for entry in entries if _composed(entry.name) == _composed(name)]
    folded = [entry for entry in entries if _composed(entry.name).casefold() == _composed(name).casefold()]
    return exact[0] if exact else (folded[0] if len(folded) == 1 else None)


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _no_image(drop: Drop) -> Fault:
    if drop.is_folder:
        remedy = "Upload 1 to 9 images (JPEG, PNG or WEBP) into the folder."
        if drop.strangers:
            names = ", ".join(entry.name[:80] for entry in drop.strangers[:3])
            remedy = f"{remedy} As an image, {names} cannot be used."
        return file_fault(drop.path, "has no image", remedy)
    if is_cancel(drop.path):
        remedy = "Put it into the folder that it is meant for; for a lone image cat.jpg, name it cat.jpg.CANCEL."
        return file_fault(drop.path, "lies in no folder", remedy)
    if drop.path.lower() in _ROOT_TEXTS:
        remedy = f"Put it into a folder of its own together with its images: {PREFIX}<any name>/{drop.path}."
        return file_fault(drop.path, "lies in no folder", remedy)
    if drop.prompt:
        stem = PurePosixPath(drop.path).stem
        return file_fault(
            drop.path, "has no image beside it", f"Upload the image that it is for as {PREFIX}{stem}.jpg."
        )
    return file_fault(drop.path, "is not an image", "Upload a JPEG, PNG or WEBP instead.")


def _no_prompt(drop: Drop) -> Fault:
    for stranger in drop.strangers:
        if stranger.name.lower().endswith(_WRITTEN):
            return file_fault(PROMPT, "is missing", f"Rename {stranger.name} to {PROMPT}.")
        if stranger.name.lower().endswith(_DOCUMENTS):
            remedy = f"Open {stranger.name}, save it as plain text under the name {PROMPT}, and upload that."
            return file_fault(PROMPT, "is missing", remedy)
    return file_fault(PROMPT, "is missing", "Upload a text that says what should happen in the video.")
