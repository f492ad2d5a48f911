"""The embedded AWS: start it, deploy to it, and stop it without a trace."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data

from tests.testbed.jumping_clock import JumpingClock, Source, follow, working

from . import deploy, interpreter, moto_hooks, update
from .account import ACCOUNT, REGION
from .cloudwatch.service import CloudWatch
from .environment import Environment
from .gateway.api import HttpApi
from .gateway.cors import read_cors
from .gateway.messages import Api
from .gateway.routes import read_routes
from .gateway.server import GatewayServer
from .gateway.stage import read_stage
from .iam.authority import Authority
from .iam.gatekeeper import Gatekeeper
from .iam.identities import Credentials, Identities
from .iam.usage import unused
from .log_delivery import LogDelivery, group_writer
from .preflight import Preflight
from .runtime import MAX_PROCESSES, LambdaRuntime
from .s3_cors import S3Cors
from .schedules import Scheduler, timers
from .server import AwsServer
from .sqs_source import sources
from .targets import Targets
from .wiring import Wiring

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.testbed.jumping_clock import RunningClock

    from .deploy import Deployment
    from .functions import FunctionSpec
    from .iam.audit import Audit
    from .template import Template

_TASK_TIMEOUT_S = 1000
_UPDATE_STEP_S = 3.0
"""Simulated seconds between two calls of Lambda in an update."""
_ONE_AT_A_TIME = Lock()


@dataclass(slots=True)
class EmbeddedAws:
    """An AWS account in this process, with one stack; only one at a time, because moto has global state."""

    clock: RunningClock
    port: int = 0
    api_port: int = 0
    region: str = REGION
    max_processes: int = MAX_PROCESSES
    account_concurrency: int | None = None
    """Maximum invocations at a time in the account; None is no limit, and a new account of AWS has ten."""
    mail: Callable[[str, str, str], None] | None = None
    """Takes a mail to a subscriber of a topic: address, subject and text."""
    driver: Credentials = field(init=False)
    """A user with full permissions."""
    identities: Identities = field(init=False)
    authority: Authority = field(init=False)
    wiring: Wiring = field(init=False)
    targets: Targets = field(init=False)
    cloudwatch: CloudWatch = field(init=False)
    server: AwsServer = field(init=False)
    gateway: GatewayServer = field(init=False)
    runtime: LambdaRuntime = field(init=False)
    deployment: Deployment = field(init=False)
    _resources: ExitStack = field(init=False, default_factory=ExitStack)
    _clients: dict[tuple[str, str], Any] = field(init=False, default_factory=dict)
    _session: boto3.Session = field(init=False)
    _lock: Lock = field(init=False, default_factory=Lock)
    _listening: ExitStack = field(init=False, default_factory=ExitStack)
    _updated: int = field(init=False, default=0)
    """How many functions updates have replaced."""
    scratch: Path = field(init=False)

    def start(self) -> None:
        """Open the ports and serve an empty account."""
        if not _ONE_AT_A_TIME.acquire(blocking=False):
            raise RuntimeError("Another embedded AWS runs in this process; moto has one global state. Stop it first.")
        self._resources.callback(_ONE_AT_A_TIME.release)
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End every process and thread, close the ports, and discard all state."""
        self._resources.close()

    @property
    def endpoint_url(self) -> str:
        """The URL of AWS's APIs."""
        return self.server.url

    @property
    def audit(self) -> Audit:
        """The permissions that were requested, and the decisions."""
        return self.authority.audit

    def unused_grants(self) -> list[str]:
        """Return what the stack's roles may do and never did, as ``role: policy/Sid: action or resource``."""
        return unused(self.audit, [role.physical_id for role in self.deployment.of_type("AWS::IAM::Role")])

    @property
    def api_url(self) -> str:
        """The URL of the HTTP API."""
        return self.gateway.url

    def client(self, service: str, credentials: Credentials | None = None, **options: Any) -> Any:  # noqa: ANN401 - any service
        """Return a client of the driver, or with other credentials; clients are cached, because creation is slow."""
        caller = credentials or self.driver
        with self._lock:
            if (service, caller.access_key_id) not in self._clients:
                self._clients[service, caller.access_key_id] = self._session.client(  # type: ignore[call-overload]
                    service, endpoint_url=self.endpoint_url, **caller.arguments(), **options
                )
            return self._clients[service, caller.access_key_id]

    def deploy(self, template: Template, parameters: Mapping[str, str], name: str) -> Deployment:
        """Deploy the stack and start its functions, event sources, schedules and API."""
        self.deployment = deploy.deploy(self.client, template, parameters, name, self.region)
        self.wiring.connect(self.deployment)
        self._resources.callback(self.wiring.close)
        Preflight(self.deployment, self.authority, self.wiring).check()
        self.runtime = LambdaRuntime(
            self.deployment.functions.values(),
            self._environment(),
            self.max_processes,
            self.account_concurrency,
            working(self.clock),
        )
        self.runtime.on_end.append(LogDelivery(self.authority, self.clock, self.region).deliver)
        self.runtime.on_end.append(self.cloudwatch.emitter.invocation)
        self.runtime.on_throttle.append(lambda function: self.cloudwatch.emitter.throttled(function.name))
        self._resources.callback(self.runtime.close)
        self._resources.callback(interpreter.stop_executions, self.region)
        self._listen()
        self._resources.callback(self._stop_listening)
        return self.deployment

    def update(self, template: Template, parameters: Mapping[str, str]) -> Deployment:
        """Update the stack, which works meanwhile."""
        before = self.deployment
        self.deployment = update.update(self.client, template, parameters, before, self._replace)
        for function in before.functions.values():
            if function.logical_id not in self.deployment.functions:
                self.runtime.remove(function)
        self.wiring.connect(self.deployment)
        Preflight(self.deployment, self.authority, self.wiring).check()
        self._stop_listening()
        self._listen()
        return self.deployment

    def _replace(self, function: FunctionSpec) -> None:
        """Replace a function in two steps, as CloudFormation does; AWS promises no order of its calls for them.

        In between, its new code runs with the old layers and variables, or its old code with the new ones.
        """
        old = self.deployment.functions.get(function.logical_id)
        self._updated += 1
        if old is None:
            self.runtime.replace(function)
            return
        code, configuration = replace(old, code=function.code), replace(function, code=old.code)
        for step in (code if self._updated % 2 else configuration, function):
            self.runtime.replace(step)
            self._sleep(_UPDATE_STEP_S)

    def _sleep(self, seconds: float) -> None:
        """Let simulated time pass."""
        if isinstance(self.clock, JumpingClock):
            self.clock.sleep(seconds)
        else:
            self.clock.wait(Event(), seconds)

    def _listen(self) -> None:
        """Start what calls the functions: the API, the event sources and the schedules."""
        self._serve_api()
        for source in sources(self.deployment, self.runtime, self.clock, self.max_processes):
            source.start()
            follow(self.clock, Source(source.next_due, source.wake))
            self._listening.callback(source.stop)
        self.cloudwatch.connect(self.deployment)
        scheduler = Scheduler(self.clock, [*timers(self.deployment, self.targets), self.cloudwatch.timer()])
        scheduler.start()
        self._listening.callback(scheduler.stop)

    def _stop_listening(self) -> None:
        """Receive nothing more, except at the API, until what replaces it is served."""
        self._listening.close()

    def local_address(self, text: str) -> str:
        """Replace the addresses that the API and the buckets would have on AWS with those that they have here."""
        for api in self.deployment.of_type("AWS::ApiGatewayV2::Api"):
            there = f"https://{api.physical_id}.execute-api.{self.region}.amazonaws.com"
            text = text.replace(there, self.api_url)
        for bucket in self.deployment.of_type("AWS::S3::Bucket"):
            for host in (f"s3.{self.region}.amazonaws.com", "s3.amazonaws.com"):
                text = text.replace(f"https://{bucket.physical_id}.{host}", self.endpoint_url)
        return text

    def origin_on_aws(self, origin: str) -> str:
        """Return the origin that a page of the API would have on AWS; other origins are the same."""
        apis = self.deployment.of_type("AWS::ApiGatewayV2::Api") if origin == self.api_url else ()
        names = (f"https://{api.physical_id}.execute-api.{self.region}.amazonaws.com" for api in apis)
        return next(names, origin)

    def outputs(self) -> dict[str, str]:
        """Return the outputs of the stack, with addresses that work here."""
        return {name: self.local_address(value) for name, value in self.deployment.outputs.items()}

    def _start(self) -> None:
        _reset_moto()
        self._resources.callback(_reset_moto)
        self.scratch = Path(tempfile.mkdtemp(prefix="testbed-"))
        self._resources.callback(shutil.rmtree, self.scratch, ignore_errors=True)
        self.authority = Authority(self.region)
        self.wiring = Wiring(self.authority, self.clock, self.region, lambda: self.runtime)
        self.targets = Targets(self.wiring, self.authority, self._client_of_role)
        self.cloudwatch = CloudWatch(self.clock, self.region, self.authority)
        self._resources.enter_context(moto_hooks.installed(self._hooks()))
        self.identities = Identities(self.region)
        self._session = _session(self.region)
        self.driver = self.identities.administrator("testbed-driver")
        self.gateway = GatewayServer(self.api_port)
        self._resources.callback(self.gateway.stop)
        self.server = AwsServer(
            self.port,
            self.region,
            lambda application: S3Cors(
                Gatekeeper(application, self.authority, self.identities, self.clock.age), self.origin_on_aws
            ),
        )
        self.server.start()
        # After the server's end, when no thread can open a connection again.
        self._resources.callback(self._close_clients)
        self._resources.callback(self.server.stop)

    def _close_clients(self) -> None:
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    def _hooks(self) -> moto_hooks.MotoHooks:
        return moto_hooks.MotoHooks(
            clock=self.clock,
            runner=lambda: self.runtime,
            client=self._client_of_role,
            in_background=self._in_background,
            s3_to_queue=self.wiring.s3_to_queue,
            s3_to_function=self.wiring.s3_to_function,
            to_target=self.targets.send,
            account_concurrency=self.account_concurrency,
            mail=self.mail,
        )

    def _in_background(self, function: str, event: bytes) -> None:
        self.wiring.run(function, event.decode())

    def _environment(self) -> Environment:
        environment = Environment(
            endpoint_url=self.endpoint_url,
            region=self.region,
            clock=self.clock,
            scratch=self.scratch,
            credentials=self._function_credentials,
            rewrite=self.local_address,
        )
        environment.prepare()
        return environment

    def _function_credentials(self, function: FunctionSpec) -> dict[str, str]:
        return self.identities.assume(function.role_arn, function.name).variables()

    def _client_of_role(self, service: str, role_arn: str) -> Any:  # noqa: ANN401 - any service
        """Return a client for the interpreter of state machines; a task may run for a long time."""
        config = Config(read_timeout=_TASK_TIMEOUT_S, retries={"total_max_attempts": 1}, parameter_validation=False)
        return self.client(service, self.identities.assume(role_arn, "StepFunctions"), config=config)

    def _serve_api(self) -> None:
        stages = list(self.deployment.of_type("AWS::ApiGatewayV2::Stage"))
        for resource in self.deployment.of_type("AWS::ApiGatewayV2::Api"):
            api = Api(resource.physical_id, ACCOUNT, self.region, self.clock.now)
            routes = read_routes(resource.properties["Body"])
            stage = next(stage.properties for stage in stages if stage.properties["ApiId"] == api.api_id)
            settings = read_stage(stage, partial(group_writer, self.region, self.clock))
            count = self.cloudwatch.emitter.response
            cors = read_cors(resource.properties["Body"])
            may_invoke = self._api_may_invoke
            self.gateway.start(HttpApi(api, routes, self.runtime, self.clock, may_invoke, settings, count, cors))

    def _api_may_invoke(self, function_arn: str, route_arn: str) -> bool:
        return self.wiring.may_invoke("apigateway.amazonaws.com", route_arn, function_arn)


@cache
def _session(region: str) -> boto3.Session:
    """Return one session for all: it holds the descriptions of services, which are slow to read."""
    return boto3.Session(region_name=region)


def _reset_moto() -> None:
    """Discard all of moto's state."""
    BackendDict.reset()
    reset_model_data()
