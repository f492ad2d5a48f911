"""DashScope's state: accounts, tasks, queues and uploads, and what each call does to them, without HTTP."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from fake_dashscope import durations, ids, oss
from fake_dashscope.accounts import Account, Keyring, Window
from fake_dashscope.catalogue import MODELS
from fake_dashscope.errors import VendorError
from fake_dashscope.lane import Lane
from fake_dashscope.media import Fetch, Library, fetch
from fake_dashscope.notices import Notices
from fake_dashscope.studio import Film, Studio
from fake_dashscope.task import RETENTION, SUCCEEDED, Task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fake_dashscope.clock import Clock
    from fake_dashscope.faults import Fault
    from fake_dashscope.media import Prepared
    from fake_dashscope.models import Model
    from fake_dashscope.order import Order
    from fake_dashscope.switches import Limits, Switches

NO_VIDEO = {"fail_without_detail", "succeed_without_url", "never_ends"}
NOT_INSPECTED = "InvalidParameter.DataInspection"


class Inline(Executor):
    """Runs at once what another executor would run in the background."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401
        """Call ``fn`` now."""
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class Vendor:
    """All state of the fake. Not thread-safe except for ``film``: its owner holds a lock."""

    def __init__(  # noqa: PLR0913
        self,
        *,
        clock: Clock,
        accounts: Iterable[Account],
        limits: Limits,
        switches: Switches,
        rng: Random,
        models: Iterable[Model] = (),
        get: Fetch = fetch,
    ) -> None:
        """Start without tasks and uploads; know ``models`` beside those of the catalogue."""
        self.clock, self.limits, self.switches, self.rng = clock, limits, switches, rng
        self.keyring = Keyring(accounts)
        self.models = {**MODELS, **{model.name: model for model in models}}
        folder = Path(tempfile.mkdtemp(prefix="fake-dashscope-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._library = Library(folder, switches, get)
        self._studio = Studio(folder, switches.audio)
        self._fetching: Executor = Inline()
        self._rendering: Executor | None = None
        self.sending: Executor = Inline()
        self.notices = Notices(Random(0))
        self.clear()

    def clear(self) -> None:
        """Forget tasks, uploads and rates; accounts, keys and models remain."""
        self.tasks: dict[str, Task] = {}
        self.results: dict[str, Task] = {}
        self.uploads = oss.Uploads(self.rng)
        self._lanes: dict[tuple[str, str], Lane] = {}
        self._windows: dict[tuple[str, ...], Window] = {}
        self.notices.clear()

    def work_in_background(self) -> None:
        """Start to download, render and send events in threads, so that no call waits for them."""
        self._fetching = ThreadPoolExecutor(4, "fetch")
        self._rendering = ThreadPoolExecutor(1, "render")
        self.sending = ThreadPoolExecutor(4, "events")

    def abandon(self) -> None:
        """Stop rendering: the videos are no longer needed."""
        self._studio.closing.set()

    def stop_background(self) -> None:
        """Do all work inline again."""
        self.abandon()
        self._fetching.shutdown(wait=True, cancel_futures=True)
        self.sending.shutdown(wait=True, cancel_futures=True)
        if self._rendering is not None:
            self._rendering.shutdown(wait=True, cancel_futures=True)
        self._fetching, self._rendering, self.sending = Inline(), None, Inline()
        self._studio.closing.clear()

    def admit(self, limit: float, *scope: str) -> None:
        """Count one call against the limit of its scope; raises ``VendorError`` beyond it."""
        self._windows.setdefault(scope, Window(limit)).admit(self.clock.now())

    def advance(self) -> float:
        """Process everything that is due; returns the present time."""
        now = self.clock.now()
        for lane in self._lanes.values():
            lane.advance(now)
        return now

    def submit(self, account: Account, order: Order, request_id: str, fault: Callable[[], Fault | None]) -> Task:
        """Accept a task; raises ``VendorError`` to refuse it. Only an accepted task draws a ``fault``."""
        if account.billing_error:
            raise VendorError(account.billing_error)
        self.admit(self.limits.submits, "submit", account.name, order.model.name)
        now = self.clock.now()
        uploads = self._resolve(account, order, now)
        lane = self._lane(account, order.model.name)
        lane.advance(now)
        task = Task(
            ids.task_id(self.rng),
            request_id,
            account,
            order,
            submitted=now,
            ready=now + durations.start_delay(self.rng),
            running_seconds=self._running_seconds(order),
            uploads=uploads,
        )
        lane.join(task)
        task.fault = fault()
        self.tasks[task.id] = task
        return task

    def _running_seconds(self, order: Order) -> float:
        drawn = durations.draw(self.rng, order.model.name, order.resolution, order.seconds or 5)
        return drawn if self.switches.task_seconds is None else self.switches.task_seconds

    def _resolve(self, account: Account, order: Order, now: float) -> dict[str, bytes]:
        found = {}
        for url in (item.url for item in order.media if item.url.startswith("oss://")):
            body = self.uploads.find(url, account.name, order.model.name, now)
            if body is None:
                raise VendorError(NOT_INSPECTED)
            found[url] = body
        return found

    def _lane(self, account: Account, model: str) -> Lane:
        key = (account.name, model)
        if key not in self._lanes:
            self._lanes[key] = Lane(self.limits, self._prepare, self._prepared, self._finished)
        return self._lanes[key]

    def _prepare(self, task: Task) -> Future[Prepared]:
        return self._fetching.submit(self._timed, task)

    def _timed(self, task: Task) -> Prepared:
        begun = self.clock.now()
        prepared = self._library.prepare(task.order, task.uploads)
        return replace(prepared, elapsed=self.clock.now() - begun)

    def _prepared(self, task: Task) -> None:
        if self._rendering is not None and self.switches.render_ahead and task.fault_kind not in NO_VIDEO:
            self._rendering.submit(self._studio.film, task)

    def _finished(self, task: Task) -> None:
        if task.status == SUCCEEDED and task.fault_kind != "succeed_without_url":
            task.video_name = oss.result_key(task, self.rng)
            self.results[task.video_name] = task
        self.notices.ended(task)

    def visible(self, account: Account, task_id: str) -> Task | None:
        """Return a task of this account, up to date, or None if it is unknown or its id has expired."""
        task = self.tasks.get(task_id)
        if task is None or task.account.name != account.name:
            return None
        now = self.clock.now()
        self._lane(account, task.order.model.name).advance(now)
        from_completion = self.switches.expiry_from == "completion"
        since = (task.ended or now) if from_completion else task.submitted
        return task if now < since + RETENTION else None

    def cancel(self, account: Account, task_id: str) -> None:
        """Cancel a PENDING task; raises ``VendorError`` in any other state."""
        task = self.visible(account, task_id)
        if task is None:
            raise VendorError("UnsupportedOperation")
        self._lane(account, task.order.model.name).cancel(task, self.clock.now())

    def fetching(self) -> list[Future[Prepared]]:
        """Return the downloads that are in progress."""
        return [task.preparation for lane in self._lanes.values() for task in lane.fetching if task.preparation]

    def in_transit(self) -> bool:
        """Whether media are being downloaded, or events sent."""
        return self.notices.sending > 0 or bool(self.fetching())

    def next_due(self) -> float:
        """Return when the next task starts or ends, or the next event is sent; infinity if none is known."""
        return min([self.notices.next_due(), *(lane.next_due() for lane in self._lanes.values())])

    def film(self, task: Task) -> Film:
        """Return a task's video; renders it if necessary. Safe from any thread."""
        return self._studio.film(task)
