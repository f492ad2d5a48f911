"""Whether a drop can start, and if not, what is missing or invalid: each fault names the file and the remedy."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from gallop.domain import models, names
from gallop.domain.drops.drop import PREFIX, PROMPT, SETTINGS, Drop, Entry, is_cancel
from gallop.domain.faults import Fault, file_fault

if TYPE_CHECKING:
    from gallop.domain.drops.texts import Texts

# More images than a request may have is a separate fault; the first names are enough then.
MAX_LISTED = 2 * models.MAX_IMAGES
_ROOT_TEXTS = (PROMPT, SETTINGS)
_WRITTEN = (".txt", ".text", ".md")
_DOCUMENTS = (".rtf", ".doc", ".docx", ".odt", ".pages", ".pdf")


@dataclass(frozen=True, slots=True)
class Plan:
    """The request of a drop: its fields, its images in their order, and the number of images that it names (``sent``).

    ``missing`` lists what may still be uploaded, ``faults`` what must be fixed. ``at_once`` marks a drop that lists its
    images, so that it is complete as soon as they exist. ``identity`` is the content of its texts without the stack's
    defaults: the identity of a drop does not change with them. ``prompt_in_settings`` says whether the prompt is from
    the settings.
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
    """Return the plan of a drop, from its files and texts."""
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
    unsafe = [fault for name in (drop.path, *(entry.name for entry in images)) if (fault := names.fault_of(name))]
    own_prompt = None if prompt_in_settings or texts.prompt is None else texts.prompt.strip()
    return Plan(
        fields=fields,
        images=images,
        sent=len(listed or images),
        at_once=bool(listed),
        identity=json.dumps([own_prompt, texts.settings], sort_keys=True),
        prompt_in_settings=prompt_in_settings,
        missing=tuple(found.missing),
        faults=(*texts.faults, *unsafe),
    )


def unfinished(upload: Entry) -> Fault:
    """Return what an upload that is not finished keeps a drop from."""
    remedy = "Wait until it is complete. If it was interrupted, upload the file again, or abort the upload."
    return file_fault(names.shown(upload.name), "is still being uploaded", remedy)


def placed(fault: Fault, drop: Drop, plan: Plan) -> Fault | None:
    """Return the fault of a field, located in the file that it is from; None if the plan already reports it."""
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
    """The findings about the images of a drop."""

    missing: list[Fault] = field(default_factory=list)

    def all(self, drop: Drop) -> tuple[Entry, ...]:
        """Return all images, sorted by name."""
        if not drop.images:
            self.missing.append(_no_image(drop))
        return drop.images

    def listed(self, drop: Drop, names: list[str]) -> tuple[Entry, ...]:
        """Return the listed images, in their order; upper and lower case and the Unicode form may differ."""
        files = [*drop.images, *drop.strangers]
        found = {name: _named(files, name) for name in names[:MAX_LISTED]}
        absent = list(dict.fromkeys(name for name, entry in found.items() if entry is None))
        remedy = "Upload it, or remove it from the list."
        problem = f"is listed in {SETTINGS}, but is not in the folder"
        self.missing += [file_fault(name[:200], problem, remedy) for name in absent]
        return tuple(entry for name in names[: models.MAX_IMAGES] if (entry := found[name]) is not None)


def _named(entries: list[Entry], name: str) -> Entry | None:
    """Return the entry with a name, or else the only entry whose name differs only in upper and lower case."""
    exact = [entry for entry in entries if _composed(entry.name) == _composed(name)]
    folded = [entry for entry in entries if _composed(entry.name).casefold() == _composed(name).casefold()]
    return exact[0] if exact else (folded[0] if len(folded) == 1 else None)


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _no_image(drop: Drop) -> Fault:
    if drop.is_folder:
        remedy = "Upload 1 to 9 images (JPEG, PNG or WEBP) to the folder."
        if drop.strangers:
            names = ", ".join(entry.name[:80] for entry in drop.strangers[:3])
            remedy = f"{remedy} These files are not images: {names}."
        return file_fault(drop.path, "has no image", remedy)
    if is_cancel(drop.path):
        remedy = "Put it into the folder that you want to cancel; for a lone image cat.jpg, name it cat.jpg.CANCEL."
        return file_fault(drop.path, "is not in a folder", remedy)
    if drop.path.lower() in _ROOT_TEXTS:
        remedy = f"Put it into a folder together with its images: {PREFIX}<any name>/{drop.path}."
        return file_fault(drop.path, "is not in a folder", remedy)
    if drop.prompt:
        stem = PurePosixPath(drop.path).stem
        return file_fault(drop.path, "has no image", f"Upload the image that it describes as {PREFIX}{stem}.jpg.")
    return file_fault(drop.path, "is not an image", "Upload a JPEG, PNG or WEBP instead.")


def _no_prompt(drop: Drop) -> Fault:
    for stranger in drop.strangers:
        if stranger.name.lower().endswith(_WRITTEN):
            return file_fault(PROMPT, "is missing", f"Rename {stranger.name} to {PROMPT}.")
        if stranger.name.lower().endswith(_DOCUMENTS):
            remedy = f"Open {stranger.name}, save it as plain text under the name {PROMPT}, and upload that file."
            return file_fault(PROMPT, "is missing", remedy)
    return file_fault(PROMPT, "is missing", "Upload a text file that describes what should happen in the video.")
