"""Files of a job that Gallop stores: images that were sent inside a request or converted, and uploads.

Images in memory are stored for the job, and removed if there is no job after all. Whatever else happens to the same
files at the same time, the versions that a recorded job names are there.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gallop import clock, settings
from gallop.adapters.s3 import buckets, image_store
from gallop.adapters.table import image_references
from gallop.domain.errors import BudgetExceeded, NoSuchObject, WrongState
from gallop.domain.request import images, uploads
from gallop.domain.request.images import InlineImage, StoredImage
from gallop.domain.request.uploads import Input

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gallop.domain.request.media import Medium

MAX_TRIES = 8


@dataclass(slots=True)
class Held:
    """The images of a job that is being created, which nobody removes meanwhile.

    ``media`` are those that its record names; ``is_recorded`` is set by the caller once there is such a record.
    """

    client: str
    user: str
    media: tuple[Medium, ...] = ()
    is_recorded: bool = False
    _announced: set[Input] = field(default_factory=set)
    _stored: list[Input] = field(default_factory=list)

    def add(self, medium: Medium) -> None:
        """Hold a file; an image in memory is stored.

        Raises:
            WrongState: it has been removed since it was inspected.

        """
        source = medium.source
        held = self._store(source) if isinstance(source, InlineImage) else source
        if not all(self._hold(found) for found in uploads.inputs_of([held], self.client)):
            raise WrongState("A file was removed while its job was being created.")
        self.media += (replace(medium, source=held),)

    def release(self) -> None:
        """End the uses that were announced, unless the record has them; without one, remove what was stored."""
        for found in self._announced:
            image_references.release(found, self.user)
        if not self.is_recorded:
            for found in self._stored:
                remove(found)

    def _store(self, image: InlineImage) -> StoredImage:
        for _ in range(MAX_TRIES):
            key, version_id = image_store.put(self.client, image.data, image.media_type)
            found = Input(settings.inbox_bucket(), key, version_id)
            if self._hold(found):
                self._stored.append(found)
                return StoredImage(found.bucket, key, version_id, images.sha256(image.data), image.original)
        raise WrongState("An image kept being removed while its job was being created.")

    def _hold(self, found: Input) -> bool:
        if found in self._announced:
            return True
        is_kept = image_references.announce(found, self.user, clock.now())
        if is_kept and _is_there(found):
            self._announced.add(found)
            return True
        image_references.release(found, self.user)
        if not is_kept:
            # The run that began to remove it may have kept it for this use, or have died.
            remove(found)
        return False


@contextmanager
def held(sent: Sequence[Medium], client: str, job_id: str = "") -> Iterator[Held]:
    """Hold the files of a request until its job is recorded, or certainly not recorded.

    ``job_id`` is the id of that job, if no other create can have it. An error of AWS leaves open what was recorded:
    then all images stay, and the announced uses expire.
    """
    held = Held(client, job_id or image_references.new_user())
    try:
        for medium in sent:
            held.add(medium)
        yield held
    except (BudgetExceeded, WrongState):
        held.release()
        raise
    if not (held.is_recorded and job_id):
        held.release()


def remove(found: Input) -> None:
    """Remove a version of an image, unless a job uses it."""
    if image_references.begin_removal(found, clock.now()):
        buckets.remove_input(found)
        image_references.end_removal(found)


def _is_there(found: Input) -> bool:
    try:
        return buckets.version_of(found.key) == found.version_id
    except NoSuchObject:
        return False
