"""The fake as a plain object: an ``httpx.Request`` in, an ``httpx.Response`` out.

A broken connection is the httpx exception that a client would see: ``Dropped`` (a ``RemoteProtocolError``) or
``Stalled`` (a ``ReadTimeout``). The server turns them into closed sockets.
"""

from __future__ import annotations

from contextlib import contextmanager
from random import Random
from threading import RLock
from typing import TYPE_CHECKING, Any

import httpx

from fake_dashscope import control, downloads, ids, oss, wire
from fake_dashscope.accounts import REGION, Account
from fake_dashscope.api import Api
from fake_dashscope.clock import ScaledClock
from fake_dashscope.faults import Faults, read_fault
from fake_dashscope.forms import read_form
from fake_dashscope.ledger import Ledger
from fake_dashscope.media import Fetch, fetch
from fake_dashscope.models import read_model
from fake_dashscope.notices import post, read_rule
from fake_dashscope.switches import Limits, Switches
from fake_dashscope.vendor import Vendor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import respx

    from fake_dashscope.clock import Clock
    from fake_dashscope.models import Model
    from fake_dashscope.notices import Notice, Post

VENDOR_HOSTS = (
    r"^(dashscope(-intl|-us)?|cn-hongkong\.dashscope|[\w-]+\.[\w-]+\.maas|dashscope-[\w-]+\.oss-[\w-]+)\.aliyuncs\.com$"
)


class FakeDashScope:
    """A DashScope for tests: mount it on a respx router, serve it over HTTP, or call ``handle``."""

    def __init__(  # noqa: PLR0913
        self,
        clock: Clock | None = None,
        accounts: Iterable[Account] = (Account(),),
        *,
        region: str = REGION,
        limits: Limits | None = None,
        switches: Switches | None = None,
        models: Iterable[Model | dict[str, Any]] = (),
        seed: int = 0,
        get: Fetch = fetch,
        send: Post = post,
    ) -> None:
        """Make a DashScope without tasks.

        - ``clock``: the time of everything; real time by default.
        - ``accounts``: the accounts that may call.
        - ``region``: the region of addresses that are not Alibaba's.
        - ``limits``: its rate limits; ``switches``: what its documents leave open.
        - ``models``: rows beside those of the catalogue, as for ``add_model``.
        - ``seed``: fixes ids and running times.
        - ``get``: replaces how media URLs are downloaded; ``send``: how events are posted.
        """
        self._rng = Random(seed)
        self._lock = RLock()
        self._post = send
        self._ledger = Ledger()
        self.clock = clock or ScaledClock()
        self.faults = Faults(Random(seed))
        self.vendor = Vendor(
            clock=self.clock,
            accounts=accounts,
            limits=limits or Limits(),
            switches=switches or Switches(),
            rng=self._rng,
            models=[read_model(row) for row in models],
            get=get,
        )
        self._api = Api(self.vendor, self.faults, self._ledger, region)

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer a request whose body has been read; raises ``Dropped`` or ``Stalled``. Safe from any thread."""
        try:
            return self._answer(request)
        finally:
            self._send_due()

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.startswith(control.PREFIX):
            with self._lock:
                status, document = control.answer(self, request.method, path, request.content)
            return httpx.Response(status, headers={"content-type": "application/json"}, content=wire.encode(document))
        if path.startswith("/api/"):
            with self._lock:
                return self._api.answer(request)
        return self._store(request)

    def _store(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            request_id = ids.request_id(self._rng).replace("-", "")[:24].upper()
        try:
            response = self._upload(request) if request.method == "POST" else self._download(request)
        except oss.OssError as error:
            body = b"" if request.method == "HEAD" else error.xml(request_id, request.url.netloc.decode())
            response = httpx.Response(error.status, headers={"content-type": "application/xml"}, content=body)
        response.headers.update({"date": ids.http_date(self.clock.now()), "x-oss-request-id": request_id})
        return response

    def _upload(self, request: httpx.Request) -> httpx.Response:
        try:
            form, body = read_form(request)
        except ValueError as error:
            raise oss.OssError(400, "MalformedPOSTRequest", str(error)) from error
        with self._lock:
            self.vendor.uploads.store(form, body, self.clock.now())
        return httpx.Response(int(form.get("success_action_status", "204")), headers={"server": "AliyunOSS"})

    def _download(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            self._ledger.arrived("download")
            task = self.vendor.results.get(oss.check(request, self.clock.now()))
            if task is None:
                raise oss.NO_SUCH_KEY
            self._ledger.by_account("download", task.account.name)
            fault = self.faults.draw("download")
        return downloads.reply(request, task, self.vendor.film(task), fault)

    def mount(self, router: respx.Router, *hosts: str) -> respx.Route:
        """Answer all of DashScope's hosts, and ``hosts``, on a respx router."""
        more = "".join(f"|^{host}$" for host in hosts)
        return router.route(host__regex=VENDOR_HOSTS + more).mock(side_effect=self.handle)

    def fault(self, **fault: Any) -> None:  # noqa: ANN401
        """Arm a fault: ``on``, ``kind``, ``times`` or ``rate``, and its options; raises ``BadFaultError``."""
        with self._lock:
            self.faults.arm(read_fault(fault))

    def notify(self, **rule: Any) -> None:  # noqa: ANN401
        """Send an event to ``url`` for each task that ends after this call; raises ``BadRuleError``."""
        with self._lock:
            self.vendor.notices.rule = read_rule(rule)

    def events(self) -> dict[str, Any]:
        """Return the rule for events, the number of waiting events, and the events sent."""
        with self._lock:
            return self.vendor.notices.view()

    def _send_due(self) -> None:
        with self._lock:
            due = self.vendor.notices.due(self.clock.now())
        for notice in due:
            self.vendor.sending.submit(self._send, notice)

    def _send(self, notice: Notice) -> None:
        status = self._post(notice.rule.url, notice.rule.headers, notice.body)
        with self._lock:
            self.vendor.notices.answered(notice, status, self.clock.now())

    def add_model(self, row: Model | dict[str, Any]) -> None:
        """Add a model, or replace the one of its name, by a row of data; raises ``BadModelError``."""
        model = read_model(row)
        with self._lock:
            self.vendor.models[model.name] = model

    def models(self) -> list[Model]:
        """Return all models."""
        with self._lock:
            return list(self.vendor.models.values())

    def ledger(self) -> dict[str, Any]:
        """Return the tasks, the requests by kind, and both by account."""
        with self._lock:
            self.vendor.advance()
            return self._ledger.view(self.vendor.tasks.values(), self.vendor.keyring.accounts)

    def reset(self) -> None:
        """Forget the ledger, tasks, uploads, faults and events; accounts, keys and models remain."""
        with self._lock:
            self.vendor.clear()
            self._ledger.clear()
            self.faults.clear()

    def tick(self) -> None:
        """Process everything that is due, as the server does all the time and ``handle`` at each request."""
        with self._lock:
            self.vendor.advance()
        self._send_due()

    def next_due(self) -> float:
        """Return when something happens next, in simulated seconds; the present while media or events are sent."""
        with self._lock:
            return self.clock.now() if self.vendor.in_transit() else self.vendor.next_due()

    def settle(self) -> None:
        """Process everything that is due, and wait until all media are downloaded."""
        while True:
            self.tick()
            with self._lock:
                fetching = self.vendor.fetching()
            if not fetching:
                return
            for future in fetching:
                future.result()

    @contextmanager
    def background(self) -> Iterator[None]:
        """Download and render in threads inside the block, so that no request waits for either."""
        self.vendor.work_in_background()
        try:
            yield
        finally:
            self.vendor.stop_background()
