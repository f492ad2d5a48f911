"""Whether a drop can start, and if not, what is missing or invalid: each fault names the file and the remedy."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from gallop.domain import models, names
from gallop.domain.drops.drop import PREFIX, PROMPT, SETTINGS, Drop, Entry, is_cancel, is_video
from gallop.domain.faults import Fault, file_fault
from gallop.domain.frozen import frozen
from gallop.domain.models import Kind
from gallop.domain.request.media import IMAGES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gallop.domain.drops.texts import Texts
    from gallop.domain.models import MediaField, Model

# More files than a request may have are a separate fault; the first names are enough then.
MAX_LISTED = 20
FIRST_FRAME, VIDEO = "first_frame", "video"

_FIRST_FRAME_NAME = re.compile(r"first[-_ ]?frame", re.IGNORECASE)
_ROOT_TEXTS = (PROMPT, SETTINGS)
_WRITTEN = (".txt", ".text", ".md")
_DOCUMENTS = (".rtf", ".doc", ".docx", ".odt", ".pages", ".pdf")


@frozen
class File:
    """A file of a request: the media field that it belongs to, its name, and its object, if that is there."""

    field: str
    name: str
    entry: Entry | None


@frozen
class Plan:
    """The request of a drop: its fields without its files, and its files in their order.

    ``missing`` lists what may still be uploaded, ``faults`` what must be fixed. ``at_once`` marks a drop that lists its
    files, so that it is complete as soon as they exist. ``identity`` is the content of its texts without the stack's
    defaults: the identity of a drop does not change with them. ``prompt_in_settings`` says whether the prompt is from
    the settings, and ``awaits_files`` whether a file is missing that the request needs.
    """

    fields: dict[str, Any]
    files: tuple[File, ...]
    at_once: bool
    identity: str
    prompt_in_settings: bool
    missing: tuple[Fault, ...] = ()
    faults: tuple[Fault, ...] = ()
    awaits_files: bool = False

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The objects of its files."""
        return tuple(file.entry for file in self.files if file.entry)


def plan(drop: Drop, texts: Texts, default_prompt: str, lone_image: Kind) -> Plan:
    """Return the plan of a drop, from its files and texts; ``lone_image`` is the kind of a lone image's video."""
    fields = dict(texts.settings or {})
    prompt_in_settings = "prompt" in fields
    if texts.prompt is not None:
        fields.setdefault("prompt", texts.prompt.strip())
    if not drop.is_folder:
        fields.setdefault("prompt", default_prompt)
    # null is an absent field.
    taken = {name: fields.pop(name, None) for name in models.media_fields()}
    listed = {name: value for name, value in taken.items() if value is not None}
    model = models.MODELS.get(str(fields.get("model")))
    found = _Found(drop, listed, model, lone_image)
    outside, misfits = list(_outside_folder(drop)), [*found.too_many(), *found.unlisted()]
    missing = [*found.absent(), *([] if outside else _without_required(drop, found, model))]
    awaits_files = bool(missing or outside or misfits)
    if "prompt" not in fields and not texts.faults and _needs_prompt(drop, found, model):
        missing.append(_no_prompt(drop))
    unsafe = [fault for name in (drop.path, *found.names()) if (fault := names.fault_of(name))]
    own_prompt = None if prompt_in_settings or texts.prompt is None else texts.prompt.strip()
    return Plan(
        fields=fields,
        files=tuple(found.files),
        at_once=bool(listed.get(IMAGES)) or FIRST_FRAME in listed,
        identity=json.dumps([own_prompt, texts.settings], sort_keys=True),
        prompt_in_settings=prompt_in_settings,
        missing=tuple(missing),
        faults=(*texts.faults, *unsafe, *outside, *misfits),
        awaits_files=awaits_files,
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
    if drop.settings and (plan.at_once or fault.pointer.removeprefix("/") not in models.media_fields()):
        return replace(fault, file=drop.settings.name)
    return replace(fault, file=drop.path, pointer="")


@dataclass(slots=True)
class _Found:
    """The files of a drop that its request has, by what its settings list and by their names."""

    drop: Drop
    listed: dict[str, Any]
    model: Model | None
    lone_image: Kind
    files: list[File] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name, value in self.listed.items():
            self.files += self._named(name, value if isinstance(value, list) else [value])
        used = {file.entry for file in self.files}
        images = [entry for entry in self.drop.images if entry not in used]
        frames = self._first_frames(images)
        if IMAGES not in self.listed:
            self.files += [File(IMAGES, entry.name, entry) for entry in images if entry not in frames]
        self.files += [File(FIRST_FRAME, entry.name, entry) for entry in frames]
        if VIDEO not in self.listed and not self._is_explicit():
            self.files += [File(VIDEO, entry.name, entry) for entry in self.drop.videos if entry not in used]

    def has(self, name: str) -> bool:
        """Return whether there is a file of a media field."""
        return any(file.field == name for file in self.files)

    def names(self) -> Iterator[str]:
        """Yield the names of the files that are there."""
        yield from (file.entry.name for file in self.files if file.entry)

    def absent(self) -> Iterator[Fault]:
        """Yield what was listed and is not there."""
        for name in dict.fromkeys(file.name for file in self.files if file.entry is None):
            problem = f"is listed in {SETTINGS}, but is not in the folder"
            yield file_fault(name[:200], problem, "Upload it, or remove it from the list.")

    def too_many(self) -> Iterator[Fault]:
        """Yield the fault of a list with more images than the model takes."""
        count, most = len(self.listed.get(IMAGES, ())), self._most()
        if count > most:
            yield self._of_list(f"there are {count:,} images; the maximum is {most}", "Remove some.")

    def unlisted(self) -> Iterator[Fault]:
        """Yield the fault of an empty list beside images: it is not clear what is meant."""
        if self.listed.get(IMAGES) == []:
            used = {file.entry for file in self.files}
            count = len([entry for entry in self.drop.images if entry not in used])
            there = "1 image" if count == 1 else f"{count:,} images"
            if count:
                remedy = "Remove the empty list to use them, or remove them from the folder."
                yield self._of_list(f"lists no images, but the folder has {there}", remedy)

    def _of_list(self, problem: str, remedy: str) -> Fault:
        name = self.drop.settings.name if self.drop.settings else SETTINGS
        return Fault(f"/{IMAGES}", problem, remedy, name)

    def _is_explicit(self) -> bool:
        """Return whether the settings list all files, so that a video beside them is not meant."""
        is_edit = self.model is not None and self.model.kind is Kind.VIDEO_EDIT
        return not is_edit and (bool(self.listed.get(IMAGES)) or FIRST_FRAME in self.listed)

    def _most(self) -> int:
        """Return how many reference images the model takes; a model that takes none refuses them itself."""
        kind = Kind.VIDEO_EDIT if VIDEO in self.listed else Kind.R2V
        of_kind = next(model for model in models.MODELS.values() if model.kind is kind)
        images = (self.model or of_kind).media_field(IMAGES)
        return images.most if images else len(self.listed.get(IMAGES, ()))

    def _named(self, field_name: str, listed: list[str]) -> Iterator[File]:
        """Yield the listed files, in their order; upper and lower case and the Unicode form may differ."""
        everything = [*self.drop.images, *self.drop.videos, *self.drop.strangers]
        limit = min(self._most(), MAX_LISTED) if field_name == IMAGES else MAX_LISTED
        for name in listed[:limit]:
            yield File(field_name, name, _named(everything, name))

    def _first_frames(self, images: list[Entry]) -> list[Entry]:
        """Return the images that are first frames by their names, or because the model takes nothing else."""
        if FIRST_FRAME in self.listed or self.listed.get(IMAGES):
            return []
        if not self.drop.is_folder:
            return images if self.lone_image is Kind.I2V else []
        named = [entry for entry in images if _FIRST_FRAME_NAME.fullmatch(PurePosixPath(entry.name).stem)]
        is_only = IMAGES not in self.listed and len(images) == 1
        return images if is_only and self.model is not None and self.model.kind is Kind.I2V else named


def _outside_folder(drop: Drop) -> Iterator[Fault]:
    """Yield the fault of a video that is a drop of its own: nothing that is uploaded later completes it."""
    if not drop.is_folder and is_video(drop.path):
        remedy = f"To edit a video, put it into a folder together with its prompt: {PREFIX}<any name>/{PROMPT}."
        yield file_fault(drop.path, "is a video outside a folder", remedy)


def _without_required(drop: Drop, found: _Found, model: Model | None) -> Iterator[Fault]:
    """Yield the files that the request needs, and of which there is none."""
    if model is None:
        # The files decide the model; an empty list says that it needs none.
        if not found.files and IMAGES not in found.listed:
            yield _no_image(drop)
        return
    for field_ in model.media:
        if field_.least and not found.has(field_.name):
            yield _no_file(drop, field_)


def _needs_prompt(drop: Drop, found: _Found, model: Model | None) -> bool:
    """Return whether a prompt is missing; a text with another name is likely to be meant as one."""
    is_written = any(entry.name.lower().endswith((*_WRITTEN, *_DOCUMENTS)) for entry in drop.strangers)
    if model is None:
        return is_written or found.has(VIDEO) or not found.has(FIRST_FRAME)
    return is_written or model.needs_prompt


def _named(entries: list[Entry], name: str) -> Entry | None:
    """Return the entry with a name, or else the only entry whose name differs only in upper and lower case."""
    exact = [entry for entry in entries if _composed(entry.name) == _composed(name)]
    folded = [entry for entry in entries if _composed(entry.name).casefold() == _composed(name).casefold()]
    return exact[0] if exact else (folded[0] if len(folded) == 1 else None)


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _no_file(drop: Drop, field_: MediaField) -> Fault:
    if field_.name == IMAGES:
        return _no_image(drop)
    remedies = {VIDEO: "Upload one video (MP4 or MOV) to the folder.", FIRST_FRAME: "Upload it as first-frame.jpg."}
    return file_fault(drop.path, f"has no {field_.noun}", remedies.get(field_.name, "Upload it to the folder."))


def _no_image(drop: Drop) -> Fault:
    if drop.is_folder:
        remedy = "Upload 1 to 9 images (JPEG, PNG or WEBP) to the folder."
        if drop.strangers:
            names = ", ".join(entry.name[:80] for entry in drop.strangers[:3])
            remedy = f"{remedy} These files are not images: {names}."
        elif drop.prompt or drop.settings:
            remedy = f'{remedy} For a video from the text alone, write {{"images": []}} in {SETTINGS}.'
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
