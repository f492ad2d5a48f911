"""Whether DashScope accepts the stack's key at the stack's host, and what to do if not (fact sheet §5, §7, §14)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gallop.domain import regions
from gallop.domain.dashscope import error_codes
from gallop.domain.dashscope.error_codes import Kind
from gallop.domain.diagnosis import failure, ok, warning
from gallop.services import self_check

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gallop.domain.diagnosis import Finding

_KEY_REMEDY = "aws secretsmanager put-secret-value --secret-id {secret} --secret-string sk-..."
CHECK, MODELS = "DashScope", "models"
_TOKEN_PLAN = "A Token Plan key (sk-sp-...) is for interactive tools, not for services."  # noqa: S105
_NO_RIGHT = "In DashScope's console, give the key's workspace the right to this API and to the models."
_UNREADABLE = "Check that the secret exists, is encrypted with aws/secretsmanager, and is as docs/accounts.md says."
_BILL = "Settle the bill with Alibaba Cloud, or activate Model Studio in the region of the host."
_ADDRESS = "Check the parameter DashScopeBaseUrl, and DashScope's status page."


def findings(facts: Mapping[str, Any], secret_arn: str) -> Iterator[Finding]:
    """Judge the answers for one account to a list of tasks, which is free, and to the questions about models."""
    host, replace = urlsplit(facts["base_url"]).netloc, _KEY_REMEDY.format(secret=secret_arn)
    if name := facts["account"]:
        host, replace = f"Account {name!r}: {host}", f"gallop accounts add {name} --replace"
    code = facts["code"]
    if code == self_check.ACCEPTED:
        yield _accepted(facts, host, replace)
        yield _models(facts["models"], host)
    elif code == self_check.MISSING:
        yield failure(CHECK, "The stack's secret has no key.", replace)
    elif code == self_check.UNREADABLE:
        yield failure(CHECK, facts["detail"], _UNREADABLE)
    elif facts["is_token_plan"]:
        yield failure(CHECK, f"{host} refuses the key ({code}). {_TOKEN_PLAN}", f"Use a key of Model Studio. {replace}")
    else:
        yield _refused(facts, host, replace)


def _accepted(facts: Mapping[str, Any], host: str, replace: str) -> Finding:
    if facts["is_token_plan"]:
        return warning(CHECK, f"{host} accepts the key. {_TOKEN_PLAN}", f"Use a key of Model Studio. {replace}")
    region = regions.region_of(facts["base_url"])
    return ok(
        CHECK, f"{host} accepts the key" + (f" (region {region})." if regions.is_alibaba(facts["base_url"]) else ".")
    )


def _refused(facts: Mapping[str, Any], host: str, replace: str) -> Finding:
    code, detail = facts["code"], facts["detail"]
    if code == self_check.TRY_AGAIN:
        return warning(CHECK, f"{host}: {detail}", "Run the command again in a minute.")
    if code == self_check.UNREACHABLE:
        return failure(CHECK, detail, _ADDRESS)
    match error_codes.meaning(code).kind:
        case Kind.KEY:
            return _wrong_key(facts, host, replace)
        case Kind.PERMISSION:
            return failure(CHECK, f"{host} knows the key, and refuses: {detail}", _NO_RIGHT)
        case Kind.BILL:
            return failure(CHECK, f"{host} refuses because of a bill: {detail}", _BILL)
    return failure(CHECK, f"{host}: {detail}", _ADDRESS)


def _wrong_key(facts: Mapping[str, Any], host: str, replace: str) -> Finding:
    there, base_url = facts["accepted_at"], facts["base_url"]
    if not there:
        seen = f"{host} refuses the key ({facts['code']}): it is wrong or revoked, or of another region or workspace."
        return failure(CHECK, seen, f"Store a key of this host. {replace}")
    region, own = regions.region_of(there), regions.region_of(base_url)
    use = f"sam deploy --parameter-overrides DashScopeBaseUrl={there}"
    if facts["account"]:
        use = f"{replace} --base-url {there}"
    if region == own:
        return failure(CHECK, f"The key is of another workspace than {host}.", f"Store a key of it, or: {use}")
    return failure(
        CHECK, f"The key is of the region {region}, and {host} is in {own}.", f"Store a key of {own}, or: {use}"
    )


def _models(found: Mapping[str, str], host: str) -> Finding:
    refused = [f"{model} ({code})" for model, code in found.items() if code != self_check.ACCEPTED]
    if not refused:
        return ok(
            MODELS, f"{host} knows all {len(found)} models. Whether your account may use one shows with its first task."
        )
    seen = f"{host} does not confirm {', '.join(refused)}."
    return warning(
        MODELS, seen, "Look in DashScope's console whether the model is on offer there, or: gallop doctor --spend"
    )
