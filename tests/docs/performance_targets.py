"""The targets of ``docs/performance.md``, each with what a run of ``make bench`` measured for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.bench import polling as polling_bench
from tests.docs.markdown import table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Found = Mapping[str, Any]

SOON = ("Authorize", "TakeSlot", "StartTask", "Status", "Finish")
Row = tuple[str, str, str]


def rows(found: Found) -> list[Row]:
    """Return the rows: what, its target, and what was measured."""
    return [row for part in _PARTS for row in part(found)]


def targets(found: Found) -> str:
    """Return the table."""
    return table(("what", "target", "measured"), rows(found))


def _overhead(found: Found) -> Iterator[Row]:
    ours, sdk, sample = found["overhead"].ways
    yield (
        "create to POST, mean",
        "≤ 1 s",
        f"{ours.to_post:.1f} s (SDK {sdk.to_post:.1f} s, Step Functions {sample.to_post:.1f} s)",
    )
    yield (
        "task's end to `succeeded`, mean",
        "≤ 3 s, sooner than both peers",
        f"{ours.to_video:.1f} s (SDK {sdk.to_video:.1f} s, Step Functions {sample.to_video:.1f} s)",
    )
    yield (
        "questions per job",
        "≤ 12",
        f"{ours.questions:.1f} (SDK {sdk.questions:.1f}, Step Functions {sample.questions:.1f})",
    )
    yield "questions per second, of all jobs", "≤ 20", str(ours.most_per_second)


def _polling(found: Found) -> Iterator[Row]:
    ours = [(mixed.mix, mixed.of(polling_bench.LEARNED)) for mixed in found["polling"].mixes]
    fixed = [mixed.of(polling_bench.EVERY_5_SECONDS) for mixed in found["polling"].mixes]
    slowest = max(figures.mean for _, figures in ours)
    fewer = sum(one.questions < other.questions for (_, one), other in zip(ours, fixed, strict=True))
    yield "polling, mean delay", "≤ 2.5 s in every mix", f"{slowest:.1f} s at most"
    yield "polling, questions", "fewer than every 5 s in every mix", f"fewer in {fewer} of {len(ours)} mixes"


def _cold_start(found: Found) -> Iterator[Row]:
    functions = found["cold_start"].functions
    slowest = max(functions, key=lambda one: one.ratio)
    soon = max((one for one in functions if one.function in SOON), key=lambda one: one.ratio)
    yield (
        "cold start beside the same libraries",
        "≤ 1.0 times their time, for all",
        f"{slowest.ratio:.2f} times at most ({slowest.function})",
    )
    yield f"the same, {', '.join(SOON)}", "≤ 0.75 times", f"{soon.ratio:.2f} times at most ({soon.function})"
    yield "memory sizes", "chosen by a table", "[below](#memory-sizes)"


def _calls(found: Found) -> Iterator[Row]:
    https, s3 = found["calls"].https, found["calls"].s3
    yield "calls of a job, HTTPS door", "≤ 60", str(len(https.calls))
    yield "calls of a job, S3 door with three files", "≤ 85", str(len(s3.calls))
    yield "decodes per picture", "1", f"{s3.decodes / 2:g}"
    yield "transitions of a job", "≤ 17", str(max(https.transitions, s3.transitions))
    most = max(burst.usd for burst in found["jobs"].bursts)
    yield "AWS's list price of a job", "≤ $0.0012", f"${most:.5f}"


def _result(found: Found) -> Iterator[Row]:
    large = found["result"].results[-1]
    yield "1 GB into S3, beside `upload_fileobj`", "≥ 0.9 times its speed", f"{large.ratio:.2f} times"
    yield "memory for 1 GB", "≤ idle + 64 MB", f"idle + {large.gallop.memory_mb:.0f} MB"


def _door(found: Found) -> Iterator[Row]:
    for route in found["door"].routes:
        p50, p95 = (getattr(route.after, name) / getattr(route.before, name) for name in ("p50", "p95"))
        yield (
            f"`{route.name}`, {found['door'].connections} connections",
            "≤ 0.5 times p50 and p95 before",
            f"{p50:.2f} and {p95:.2f} times",
        )


def _testbed(found: Found) -> Iterator[Row]:
    load = found["testbed"]
    per_job = f"{load.core_seconds_per_job:.2f} core-seconds per job"
    yield "testbed, `make load N=1000`", "≤ 5 min on two cores", f"{per_job} with N = {load.jobs}"
    yield "testbed, `make test` and `make proofs`", "≤ 4 min and ≤ 30 min", "printed by the commands themselves"


_PARTS: tuple[Callable[[Found], Iterator[Row]], ...] = (
    _overhead,
    _polling,
    _cold_start,
    _calls,
    _result,
    _door,
    _testbed,
)
