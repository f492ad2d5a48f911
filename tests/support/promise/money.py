"""Caps in a world whose clock stands still, and what the table says of them."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from unittest.mock import patch

from boto3.dynamodb.types import TypeDeserializer
from gallop.doors.https.videos import Created

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gallop.domain.job import Job

    from tests.support.promise.simulation import Simulation

PROMPT = "The girl of [Image 1] waves."
PRICE = 0.42
DAY, HOUR = 86_400, 3600


@contextmanager
def caps(day: float = 0, month: float = 0, client_day: float = 0, client_month: float = 0) -> Iterator[None]:
    """Put caps on what may be spent, in USD."""
    named = {"DAY_CAP": day, "MONTH_CAP": month, "CLIENT_DAY_CAP": client_day, "CLIENT_MONTH_CAP": client_month}
    with patch.dict("os.environ", {name: str(usd) for name, usd in named.items()}):
        yield


def go_to_noon(simulation: Simulation) -> str:
    """Let time jump to noon of a tenth of a month, so that days before and after it are in it; gives the day."""
    later = datetime.fromtimestamp(simulation.clock.now(), UTC) + timedelta(days=31)
    moment = later.replace(day=10, hour=12, minute=0, second=0, microsecond=0)
    simulation.clock.time = moment.timestamp()
    return moment.date().isoformat()


def created(simulation: Simulation, prompt: str = PROMPT, **headers: str) -> Job:
    """Give a job that the HTTPS door has just accepted."""
    made = simulation.post(prompt, None, **headers)
    assert isinstance(made, Created)
    return made.job


def used(simulation: Simulation, owner: str = "ALL") -> dict[str, float]:
    """Give what is reserved or spent of an owner's budgets, by day (``10``) and in the month (``month``)."""
    read = TypeDeserializer().deserialize
    totals: dict[str, float] = {}
    pages = simulation.dynamodb.get_paginator("scan").paginate(TableName=simulation.table)
    for item in (item for page in pages for item in page["Items"] if item["pk"]["S"] == f"BUDGET#{owner}"):
        numbers = {name: float(read(value)) for name, value in item.items() if name not in ("pk", "sk", "expires_at")}
        totals |= {name.removeprefix("day_"): usd for name, usd in numbers.items()}
    return totals


def drop(simulation: Simulation, folder: str) -> None:
    """Drop a folder of one picture, whose job costs ``PRICE``."""
    from tests.support.pictures import picture  # noqa: PLC0415 - few need it

    simulation.drop(f"drop/{folder}/1.jpg", picture())
    simulation.drop(f"drop/{folder}/job.json", b'{"prompt": "[Image 1] waves.", "images": ["1.jpg"], "duration": 3}')


def sweep_for(simulation: Simulation, seconds: float) -> None:
    """Let time pass, with the sweep every five minutes."""
    until = simulation.clock.now() + seconds
    while simulation.clock.now() < until:
        simulation.run_for(300)
        simulation.sweep()
