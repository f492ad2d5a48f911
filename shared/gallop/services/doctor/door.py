"""Whether the HTTPS door is open where it must be, and closed everywhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallop.adapters import own_door
from gallop.domain.diagnosis import failure, ok

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gallop.domain.diagnosis import Finding
    from gallop.services.doctor.deployment import Deployment

OPEN, UNAUTHORIZED, UNKNOWN = own_door.OK, 401, 404
# By function: what is there for everybody, unless a parameter says that it is off.
_OPTIONAL = {"DescribeFunction": ("/docs", "/openapi.json"), "PageFunction": ("/app",)}
_WRONG_KEY = "gallop_doctor-sends-a-wrong-key"
_LOGS = "Look at the log of {name}: aws logs tail {group} --since 10m"


def check_open_routes(deployment: Deployment) -> Iterator[Finding]:
    """Check the routes for everybody: the description and the page are there only if their parameters are on."""
    optional = {path: name in deployment.resources for name, paths in _OPTIONAL.items() for path in paths}
    wanted = {"/health": OPEN, **{path: OPEN if is_on else UNKNOWN for path, is_on in optional.items()}}
    got = {path: own_door.status(deployment.outputs["ApiUrl"] + path) for path in wanted}
    wrong = [f"GET {path} answers {got[path]}, not {wanted[path]}" for path in wanted if got[path] != wanted[path]]
    if wrong:
        yield failure("open routes", f"{'; '.join(wrong)}.", _logs(deployment, "Videos"))
        return
    on, off = ([path for path, is_on in optional.items() if is_on is wanted_on] for wanted_on in (True, False))
    parts = [f"{state}: {', '.join(paths)}" for state, paths in (("open", on), ("off", off)) if paths]
    yield ok("open routes", f"GET /health answers 200; {'; '.join(parts)}.")


def check_authorizer(deployment: Deployment) -> Iterator[Finding]:
    """Check that nobody gets in without a key, or with a wrong one."""
    url = f"{deployment.outputs['ApiUrl']}/v1/videos"
    got = {"without a key": own_door.status(url), "with a wrong key": own_door.status(url, _WRONG_KEY)}
    if any(status == OPEN for status in got.values()):
        seen = f"GET /v1/videos answers {_listed(got)}: strangers get in."
        remedy = "Compare the API's authorizer with template.yaml, then: sam build && sam deploy"
        yield failure("authorizer", seen, remedy)
    elif any(status != UNAUTHORIZED for status in got.values()):
        seen = f"GET /v1/videos answers {_listed(got)}, not 401."
        yield failure("authorizer", seen, _logs(deployment, "Authorize"))
    else:
        yield ok("authorizer", "GET /v1/videos answers 401 without a key and with a wrong one.")


def _listed(got: dict[str, int]) -> str:
    return " and ".join(f"{status} {how}" for how, status in got.items())


def _logs(deployment: Deployment, name: str) -> str:
    return _LOGS.format(name=f"{name}Function", group=deployment.resource(f"{name}Logs"))
