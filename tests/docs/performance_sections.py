"""The sections of ``docs/performance.md``: the figures of each part of ``make bench`` as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench import polling as polling_bench
from tests.docs import memory_model
from tests.docs.markdown import table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.calls import Calls
    from tests.bench.cold_start import ColdStart, Starts
    from tests.bench.door import Door, Times
    from tests.bench.jobs import Jobs
    from tests.bench.line import Cost, Lines
    from tests.bench.listing import Listings
    from tests.bench.overhead import Overhead
    from tests.bench.polling import Figures, Polling
    from tests.bench.result import Results
    from tests.bench.testbed import Load

KILOBYTE = 1000


def overhead(figures: Overhead) -> str:
    """Show the overhead of a job beside its peers."""
    head = ("", "request to POST:", "maximum:", "task's end to video:", "p95:", "questions:", "per second:")
    rows = [
        (
            _bold(way.way, number == 0),
            *(_seconds(one) for one in (way.to_post, way.to_post_max, way.to_video, way.to_video_p95)),
            f"{way.questions:.1f}",
            str(way.most_per_second),
        )
        for number, way in enumerate(figures.ways)
    ]
    return table(head, rows)


def polling(figures: Polling) -> str:
    """Show our schedule beside a fixed one."""
    ours, fixed = polling_bench.LEARNED, polling_bench.EVERY_5_SECONDS
    head = ("mix", "mean delay:", "p95:", "questions:", "every 5 s: mean delay:", "p95:", "questions:")
    return table(head, [(mixed.mix, *_delays(mixed.of(ours)), *_delays(mixed.of(fixed))) for mixed in figures.mixes])


def _delays(figures: Figures) -> tuple[str, str, str]:
    return _seconds(figures.mean), _seconds(figures.p95), f"{figures.questions:.1f}"


def cold_start(figures: Starts) -> str:
    """Show the cold starts beside the peers."""
    head = ("function", "Gallop:", "peer:", "ratio:", "Gallop, processor:", "peer, processor:", "peak memory:")
    rows = [
        (
            one.function,
            *(f"{side.wall_ms:.0f} ms" for side in (one.gallop, one.peer)),
            f"{one.ratio:.2f}",
            *(f"{side.cpu_ms:.0f} ms" for side in (one.gallop, one.peer)),
            f"{one.gallop.peak_mb:.0f} MB",
        )
        for one in figures.functions
    ]
    return table(head, rows)


def memory(figures: Starts) -> str:
    """Show for each function and memory the modelled times and cost; the template's choice is bold."""
    head = ("function", "calls:", "warm, processor:", *(f"{size:,} MB:" for size in memory_model.SIZES))
    rows = [(one.function, str(one.calls), f"{one.warm_ms:.0f} ms", *_sizes(one)) for one in figures.functions]
    return table(head, rows)


def _sizes(start: ColdStart) -> Iterator[str]:
    chosen = memory_model.chosen_mb(start.function)
    for size in memory_model.SIZES:
        run = memory_model.run(start, size)
        shown = f"{run.cold_ms:.0f} / {run.warm_ms:.0f} ms, ${run.usd_per_million:.2f}"
        yield _bold(shown, size == chosen) if run.fits else "too small"


def calls(figures: Calls) -> str:
    """Show what a job of each door costs."""
    head = ("", "calls:", "transitions:", "decodes per picture:")
    rows = [
        ("HTTPS door", str(len(figures.https.calls)), str(figures.https.transitions), "none"),
        (
            "S3 door, three files",
            str(len(figures.s3.calls)),
            str(figures.s3.transitions),
            f"{figures.s3.decodes / 2:g}",
        ),
    ]
    return table(head, rows)


def jobs(figures: Jobs) -> str:
    """Show what a job costs among many."""
    head = ("jobs at once", *(f"{burst.jobs:,}:" for burst in figures.bursts))
    rows = (
        ("calls per job", *(f"{burst.calls:.0f}" for burst in figures.bursts)),
        ("transitions per job", *(f"{burst.transitions:.1f}" for burst in figures.bursts)),
        ("function runs per job", *(f"{burst.runs:.1f}" for burst in figures.bursts)),
        ("seconds per job that runs wait between questions", *(f"{burst.waited:.0f}" for burst in figures.bursts)),
        ("GB-seconds per job", *(f"{burst.gb_seconds:.1f}" for burst in figures.bursts)),
        ("table write, read units per job", *(f"{burst.writes:.0f}, {burst.reads:.0f}" for burst in figures.bursts)),
        ("**USD per job**", *(f"**{burst.usd:.5f}**" for burst in figures.bursts)),
    )
    return table(head, rows)


def line(figures: Lines) -> str:
    """Show what a queue's length costs."""
    head = ("jobs in the queue", *(f"{one.length:,}:" for one in figures.lines))
    rows = (
        ("a slot becomes free and is granted", *(_cost(one.slot) for one in figures.lines)),
        ("a job arrives", *(_cost(one.arrival) for one in figures.lines)),
        ("the position of the last job is read", *(_cost(one.position) for one in figures.lines)),
    )
    return table(head, rows)


def _cost(cost: Cost) -> str:
    return f"{cost.calls} calls, {cost.read_bytes / KILOBYTE:,.0f} KB"


def listing(figures: Listings) -> str:
    """Show what a page of a list costs."""
    head = ("jobs in the list", "calls:", "bytes read:", "time:")
    rows = [
        (f"{one.length:,}", str(one.calls), f"{one.read_bytes / KILOBYTE:.1f} KB", f"{one.milliseconds:.0f} ms")
        for one in figures.listings
    ]
    return table(head, rows)


def result(figures: Results) -> str:
    """Show how results are stored beside the peer."""
    head = ("result", "Gallop:", "memory:", "`upload_fileobj`:", "memory:", "speed, relative:")
    rows = [
        (
            f"{one.megabytes:,} MB",
            *(
                cell
                for side in (one.gallop, one.peer)
                for cell in (f"{side.seconds:.2f} s", f"{side.memory_mb:.0f} MB beyond idle")
            ),
            f"{one.ratio:.2f}",
        )
        for one in figures.results
    ]
    return table(head, rows)


def door(figures: Door) -> str:
    """Show the door before and after."""
    head = ("route", "requests:", "client, before:", "client, after:", "function, before:", "function, after:")
    rows = [
        (
            f"`{route.name}`",
            str(route.requests),
            *(_p50_p95(times) for times in (route.before, route.after)),
            *(f"{times.function_p50:.0f} / {times.function_p95:.0f} ms" for times in (route.before, route.after)),
        )
        for route in figures.routes
    ]
    return table(head, rows)


def _p50_p95(times: Times) -> str:
    return f"{times.p50:.0f} / {times.p95:.0f} ms"


def testbed(figures: Load) -> str:
    """Show what the testbed needs."""
    head = ("", "time:", "core-seconds per job:")
    return table(
        head,
        [(f"`make load N={figures.jobs}`", f"{figures.seconds:.0f} s", f"{figures.core_seconds_per_job:.2f}")],
    )


def _seconds(value: float) -> str:
    return f"{value:.1f} s"


def _bold(text: str, is_bold: bool) -> str:
    return f"**{text}**" if is_bold else text
