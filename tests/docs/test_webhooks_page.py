"""The receiver that the page shows accepts what Gallop signs."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
from gallop.domain.clients import webhooks
from gallop.domain.job import JobState
from standardwebhooks.webhooks import WebhookVerificationError

from tests.support.jobs import a_job

API_URL = "https://api.example.com"
PAGE = Path(__file__).parents[2] / "docs" / "https-door.md"


def test_the_receiver_on_the_page_works() -> None:
    """It reads a message from Gallop, and refuses one that was changed."""
    section = PAGE.read_text(encoding="utf-8").partition("\n## Webhooks\n")[2]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found
    names: dict[str, Any] = {}
    exec(found[1], names)
    job = a_job(JobState.CANCELLED, ended_at=1_780_000_000.0)
    secret, sent = webhooks.new_secret(), webhooks.message(job, API_URL)
    headers = webhooks.headers(sent, [secret], time.time())
    assert f"{job.id}: video.cancelled" == names["receive"](secret.value, sent.body.encode(), headers)
    with pytest.raises(WebhookVerificationError):
        names["receive"](secret.value, sent.body.encode() + b" ", headers)
