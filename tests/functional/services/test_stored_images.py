"""No version of an image that a recorded job names is removed, whatever else is done with the same image meanwhile."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import product
from threading import Condition, Thread, get_ident
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from botocore.exceptions import ClientError
from gallop.adapters.table import image_references, jobs
from gallop.domain.doors import Door
from gallop.domain.errors import BudgetExceeded, WrongState
from gallop.domain.request import images, uploads
from gallop.domain.request.images import InlineImage, Original, StoredImage
from gallop.domain.request.uploads import Input
from gallop.services import cancel
from gallop.services.accept import NewJob, accept
from gallop.services.erase import erase

from tests.functional.services.test_erase import SHORT
from tests.support.jobs import a_request
from tests.support.pictures import picture
from tests.template import stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gallop.adapters.table.idempotency_records import Creation
    from gallop.domain.job import Job
    from gallop.domain.request.images import Image

    from tests.support.promise import Simulation

# More calls to do with images than any of the runs makes.
MOST = 7
REFUSED = 7
create_record = jobs.create


@dataclass(slots=True)
class Turns:
    """Two runs that take turns before chosen calls: while one runs, the other waits."""

    first_pauses_at: int
    second_pauses_at: int
    made: list[int] = field(default_factory=lambda: [0, 0])
    over: set[int] = field(default_factory=set)
    errors: list[BaseException] = field(default_factory=list)
    _turn: int = 0
    _changed: Condition = field(default_factory=Condition)
    _names: dict[int | None, int] = field(default_factory=dict)

    def run(self, *runs: Callable[[], Any]) -> None:
        """Run both: the first up to its pause, the second up to its own, then the rest of the first."""
        threads = [Thread(target=self._one, args=(number, each)) for number, each in enumerate(runs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        if self.errors:
            raise self.errors[0]

    def before_call(self, me: int) -> None:
        """Let the other run continue, if this is where this one pauses."""
        with self._changed:
            self.made[me] += 1
            if self.made[me] == (self.first_pauses_at, self.second_pauses_at)[me]:
                self._pass_on(me)
            self._changed.wait_for(lambda: self._turn == me, 60)

    def number_of(self, thread: int | None) -> int | None:
        """Return which of the runs a thread is."""
        return self._names.get(thread)

    def _pass_on(self, me: int) -> None:
        if 1 - me not in self.over:
            self._turn = 1 - me
            self._changed.notify_all()

    def _one(self, me: int, run: Callable[[], Any]) -> None:
        with self._changed:
            self._names[get_ident()] = me
            self._changed.wait_for(lambda: self._turn == me, 60)
        try:
            run()
        except BaseException as error:  # noqa: BLE001 - it belongs to the test
            self.errors.append(error)
        with self._changed:
            self.over.add(me)
            self._pass_on(me)


@pytest.fixture
def turns(simulation: Simulation) -> Iterator[list[Turns]]:
    """Give a place for the turns of the present runs: each call to do with an image waits for its own."""
    present: list[Turns] = []

    def wrapped(client: Any) -> Callable[[str, Any], Any]:  # noqa: ANN401 - of either service
        original = client._make_api_call  # noqa: SLF001 - as botocore's own stubber does

        def call(operation: str, arguments: Any) -> Any:  # noqa: ANN401 - JSON
            me = present[-1].number_of(get_ident()) if present else None
            if me is not None and ("uploads/" in str(arguments.get("Key", "")) or "IMAGE#" in str(arguments)):
                present[-1].before_call(me)
            return original(operation, arguments)

        return call

    s3, dynamodb = simulation.clients["s3"], simulation.clients["dynamodb"]
    with patch.object(s3, "_make_api_call", wrapped(s3)), patch.object(dynamodb, "_make_api_call", wrapped(dynamodb)):
        yield present


def refusing(job: Job, *rest: Any) -> Creation:  # noqa: ANN401 - as ``create`` has them
    """Record a job, unless it is the one for which the cap was reached in between."""
    if job.request.parameters["seed"] == REFUSED:
        raise BudgetExceeded(SHORT, 0.0)
    return create_record(job, *rest)


def created(*sent: Image, seed: int = 1) -> Job:
    """Create a job of the HTTPS door."""
    return accept(NewJob(a_request(images=sent, seed=seed), "ada", Door.HTTPS))[0]


def refused(*sent: Image) -> None:
    """Create a job that is refused after its image was stored."""
    with pytest.raises(BudgetExceeded):
        created(*sent, seed=REFUSED)


def ended(simulation: Simulation, *sent: Image) -> Job:
    """Create a job and cancel it."""
    job_id = created(*sent).id
    cancel.cancel(job_id)
    jobs.close(simulation.job(job_id))
    return simulation.job(job_id)


def missing(simulation: Simulation, job: Job) -> list[Input]:
    """Return the versions of images that a job's record names, and that are not there."""
    return [found for found in uploads.inputs_of(job.request.images, job.client) if not is_there(simulation, found)]


def is_there(simulation: Simulation, found: Input) -> bool:
    """Return whether a version of an image exists."""
    try:
        simulation.s3.head_object(Bucket=found.bucket, Key=found.key, VersionId=found.version_id)
    except ClientError:
        return False
    return True


def left(simulation: Simulation) -> list[str]:
    """Return what is there of images: their versions, and their items in the table."""
    versions = simulation.s3.list_object_versions(Bucket=simulation.inbox).get("Versions", [])
    items = simulation.dynamodb.scan(TableName=simulation.table)["Items"]
    return [found["Key"] for found in versions] + [
        item["pk"]["S"] for item in items if item["pk"]["S"].startswith("IMAGE#")
    ]


def uploaded(simulation: Simulation, data: bytes) -> StoredImage:
    """Upload an image as a client does."""
    key = uploads.key_of("ada", uploads.new_id())
    version_id = simulation.s3.put_object(Bucket=simulation.inbox, Key=key, Body=data)["VersionId"]
    return StoredImage(simulation.inbox, key, version_id, images.sha256(data))


def inline(_: Simulation, data: bytes) -> InlineImage:
    """Send an image inside a request."""
    return InlineImage(data, "image/jpeg")


def converted(simulation: Simulation, data: bytes) -> InlineImage:
    """Upload an image that is converted."""
    source = uploaded(simulation, data)
    return InlineImage(data, "image/jpeg", Original(source.sha256, source.bucket, source.key, source.version_id))


@contextmanager
def each_order(simulation: Simulation, turns: list[Turns]) -> Iterator[Iterator[tuple[Turns, bytes]]]:
    """Give every place at which either run may pause, with an image of its own; what is left is removed at the end."""

    def orders() -> Iterator[tuple[Turns, bytes]]:
        for number, (one, other) in enumerate(product(range(1, MOST), repeat=2)):
            turns.append(Turns(one, other))
            yield turns[-1], picture("JPEG", 400, 400, number)
            turns.clear()

    with patch.object(jobs, "create", refusing):
        yield orders()
    for job in recorded(simulation):
        assert [] == missing(simulation, job)
        cancel.cancel(job.id)
        jobs.close(simulation.job(job.id))
        erase(simulation.job(job.id))
    assert [] == left(simulation)


def recorded(simulation: Simulation) -> list[Job]:
    """Return the jobs that have been recorded, and not erased."""
    return [job for job in simulation.jobs() if job.request.parameters["seed"] == 1]


@pytest.mark.parametrize(
    ("send", "create_is_first"), [(inline, True), (inline, False), (uploaded, True), (converted, False)]
)
def test_a_delete_keeps_the_images_of_a_create_in_progress(
    simulation: Simulation, turns: list[Turns], send: Callable[[Simulation, bytes], Image], create_is_first: bool
) -> None:
    """In whatever order their calls come; an upload may be gone first, and the create then starts again."""
    with each_order(simulation, turns) as orders:
        for order, data in orders:
            image = send(simulation, data)
            before = ended(simulation, image)
            runs = (lambda image=image: created_or_not(image), lambda before=before: erase(before))
            order.run(*(runs if create_is_first else runs[::-1]))
        if send is inline:
            assert (MOST - 1) ** 2 == len(recorded(simulation))


@pytest.mark.parametrize("create_is_first", [True, False])
def test_a_refused_create_keeps_the_images_of_another_in_progress(
    simulation: Simulation, turns: list[Turns], create_is_first: bool
) -> None:
    """In whatever order their calls come, the accepted one has its image, and the refused one leaves none."""
    with each_order(simulation, turns) as orders:
        for order, data in orders:
            image = InlineImage(data, "image/jpeg")
            runs = (lambda image=image: created(image), lambda image=image: refused(image))
            order.run(*(runs if create_is_first else runs[::-1]))
        assert (MOST - 1) ** 2 == len(recorded(simulation))


@pytest.mark.parametrize("point", range(1, 8))
def test_a_removal_that_died_is_completed_by_the_next_create(
    simulation: Simulation, turns: list[Turns], point: int
) -> None:
    """The image that it was about to remove is stored again, so that the client is not refused until it expires."""
    image = InlineImage(picture(), "image/jpeg")
    before = ended(simulation, image)
    turns.append(Dying(point, 0))
    turns[-1].run(lambda: erase(before), lambda: None)
    turns.clear()
    job = created(image)
    assert [] == missing(simulation, job)
    erase(before)
    assert [] == missing(simulation, job)


def test_a_create_that_died_keeps_an_image_for_as_long_as_it_could_have_run(
    simulation: Simulation, turns: list[Turns]
) -> None:
    """Nobody can know that it died; later the image is removed with the job that uses it."""
    image = uploaded(simulation, picture())
    first, second = ended(simulation, image), ended(simulation, image)
    turns.append(Dying(4, 0))
    turns[-1].run(lambda: created(image), lambda: None)
    turns.clear()
    erase(first)
    simulation.clock.advance(image_references.USE_SECONDS + 1)
    erase(second)
    found = Input(image.bucket, image.key, image.version_id)
    assert not is_there(simulation, found)


def test_a_use_is_announced_for_longer_than_a_create_may_take() -> None:
    """A function that is stopped by its time-out cannot record a job any more."""
    functions = [each for each in stack.written()["Resources"].values() if each["Type"] == "AWS::Serverless::Function"]
    creating = [each for each in functions if {"Ref": "CreateJobsPolicy"} in each["Properties"].get("Policies", [])]
    assert 3 == len(creating)
    assert image_references.USE_SECONDS > max(each["Properties"].get("Timeout", 0) for each in creating)


class _Died(BaseException):
    """The process is gone."""


class Dying(Turns):
    """Two runs of which the first dies at its pause."""

    def before_call(self, me: int) -> None:
        """Die, if this is the place."""
        self.made[me] += 1
        if me == 0 and self.made[me] >= self.first_pauses_at:
            raise _Died

    def run(self, *runs: Callable[[], Any]) -> None:
        """Run both."""
        with suppress(_Died):
            Turns.run(self, *runs)


def created_or_not(image: Image) -> None:
    """Create a job, unless it has to start again."""
    with suppress(WrongState):
        created(image)
