"""Where a video is saved: into a folder, which is made if necessary, or under a name that ends with .mp4."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gallop.cli.show import refuse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gallop.cli.user.progress import Display
    from gallop.client import AsyncGallop, Job

SUFFIX = ".mp4"

OutputOption = Annotated[
    str,
    typer.Option(
        "--output",
        "-o",
        help="Save the video: in this folder, or as this file if the name ends with .mp4. A file is replaced.",
        metavar="DIR",
    ),
]


class NotSavedError(Exception):
    """A video could not be written; its cause is an OSError."""

    def __init__(self, job_id: str, to: str) -> None:
        super().__init__(job_id, to)
        self.job_id, self.to = job_id, to


@dataclass(frozen=True, slots=True)
class Place:
    """A folder or a file for videos; ``text`` is what the user has written, and empty for nowhere."""

    text: str

    @property
    def hint(self) -> str:
        """The option again, for a command that the user may copy."""
        import shlex  # noqa: PLC0415 - for hints only

        return f" -o {shlex.quote(self.text)}" if self.text else ""

    @property
    def is_file(self) -> bool:
        """Whether it is the name of one file."""
        return self.text.lower().endswith(SUFFIX) and not Path(self.text).is_dir()

    def of_variant(self, group_id: str, number: int) -> Place:
        """Return the file of a group's video: ``boat-2.mp4`` for ``boat.mp4``, or one that has the group's name."""
        if not self.text:
            return self
        path = Path(self.text)
        name = (
            path.with_name(f"{path.stem}-{number}{SUFFIX}") if self.is_file else path / f"{group_id}-{number}{SUFFIX}"
        )
        return Place(str(name))

    async def save(self, client: AsyncGallop, job: Job, display: Display) -> Path:
        """Download the video of a job."""
        try:
            return await client.download(job, self.text, progress=display.downloading)
        except OSError as error:
            raise NotSavedError(job.id, self.text) from error


def place(text: str, inputs: Iterable[str] = (), *, count: int = 1) -> Place:
    """Return a place that can be written to; end the command if it cannot, before a video costs anything."""
    found = Place(text)
    if not text:
        return found
    if found.is_file and count > 1:
        refuse(f"{text} is one file, and there are {count} jobs. Name a folder.")
    if found.is_file and any(_is_same(text, one) for one in inputs):
        refuse(f"{text} is the input video. Choose another name for the new one.")
    folder = Path(text).parent if found.is_file else Path(text)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        refuse(f"{folder} is a file. Name a folder, or a file whose name ends with {SUFFIX}.")
    except OSError as error:
        refuse(f"The folder {folder} cannot be made: {error.strerror}. Choose another one.")
    if not os.access(folder, os.W_OK | os.X_OK):
        refuse(f"The folder {folder} cannot be written to. Choose another one.")
    return found


def _is_same(one: str, other: str) -> bool:
    return Path(other).exists() and Path(one).exists() and Path(one).samefile(other)
