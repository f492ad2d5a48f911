"""What only a function of the stack can say: its runtime, and whether DashScope accepts its key. It costs nothing."""

from __future__ import annotations

import importlib.util
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gallop
from gallop import settings
from gallop.adapters import aws, dashscope, secrets
from gallop.adapters.stepfunctions import executions
from gallop.domain.accounts import DEFAULT
from gallop.domain.dashscope import error_codes
from gallop.domain.dashscope.error_codes import Kind
from gallop.domain.errors import AwsTrouble, TryAgain, VendorRefused, VendorUnreachable
from gallop.domain.models import MODELS
from gallop.domain.regions import SHARED_BASE_URLS, is_alibaba
from gallop.services import vendor_accounts

if TYPE_CHECKING:
    from collections.abc import Callable

# What bytecode of this Python begins with.
MAGIC = importlib.util.MAGIC_NUMBER
# Accepted; every other code is DashScope's, or one of these.
ACCEPTED, UNREACHABLE, TRY_AGAIN = "", "unreachable", "try_again"
UNREADABLE, MISSING = "unreadable", "missing"
# The parameter's default, which stands for a secret of one's own.
_NO_KEY = "-"
_TOKEN_PLAN = "sk-sp-"  # noqa: S105 - how such keys begin


def facts(secret_arn: str) -> dict[str, Any]:
    """Return the facts about this function's runtime, its rights, and each account in a secret; never a key."""
    return {"runtime": runtime(), "task_tokens": _task_tokens(), "dashscope": _dashscope(secret_arn)}


def runtime() -> dict[str, Any]:
    """Return the facts about what this function runs on."""
    return {
        "python": ".".join(map(str, sys.version_info[:3])),
        "machine": os.uname().machine,
        "botocore": aws.version(),
        "botocore_needed": ".".join(map(str, aws.MINIMUM_BOTO3)),
        "has_bytecode": has_bytecode(Path(gallop.__file__)),
    }


def has_bytecode(source: Path) -> bool:
    """Whether this Python can use the bytecode beside a source; else it compiles the source at each cold start."""
    with suppress(OSError):
        return compiled(source).read_bytes()[: len(MAGIC)] == MAGIC
    return False


def compiled(source: Path) -> Path:
    """Return where this Python looks for the bytecode of a source."""
    return Path(importlib.util.cache_from_source(str(source)))


def _task_tokens() -> str:
    try:
        return executions.refusal_of_unknown_token()
    except AwsTrouble as error:
        return str(error)


def _dashscope(secret_arn: str) -> list[dict[str, Any]]:
    # A key that was replaced a moment ago counts.
    secrets.clear_cache()
    try:
        listed = vendor_accounts.listed(secret_arn)
    except AwsTrouble as error:
        return [{"account": "", "base_url": settings.dashscope_base_url(), "code": UNREADABLE, "detail": str(error)}]
    is_alone = [*listed] == [DEFAULT]
    return [
        {"account": "" if is_alone else name, **_checked(vendor_accounts.base_url(account), account.key)}
        for name, account in listed.items()
    ]


def _checked(base_url: str, key: str) -> dict[str, Any]:
    if key in ("", _NO_KEY):
        return {"base_url": base_url, "code": MISSING, "detail": ""}
    code, detail = _answer(dashscope.check_key, base_url, key)
    found = {"base_url": base_url, "code": code, "detail": detail, "is_token_plan": key.startswith(_TOKEN_PLAN)}
    if code == ACCEPTED:
        return {**found, "models": {model: _answer(dashscope.check_model, base_url, key, model)[0] for model in MODELS}}
    is_refused_key = error_codes.meaning(code).kind is Kind.KEY and not found["is_token_plan"]
    return {**found, "accepted_at": _accepting(base_url, key) if is_refused_key else ""}


def _accepting(base_url: str, key: str) -> str:
    """Return the shared host of DashScope that accepts a key which the stack's host refuses; empty if none does."""
    others = [url for url in SHARED_BASE_URLS if url != base_url] if is_alibaba(base_url) else []
    return next((url for url in others if _answer(dashscope.check_key, url, key)[0] == ACCEPTED), "")


def _answer(call: Callable[..., None], base_url: str, key: str, *more: str) -> tuple[str, str]:
    """Return DashScope's code and message, or why there is none; a message that quotes the key loses it."""
    try:
        call(base_url, key, *more)
    except VendorRefused as refused:
        return refused.vendor_code, str(refused).replace(key, "(key)")
    except VendorUnreachable as error:
        return UNREACHABLE, str(error)
    except TryAgain as error:
        return TRY_AGAIN, str(error)
    return ACCEPTED, ""
