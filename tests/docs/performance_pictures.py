"""The plots of ``docs/performance.md``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.docs.charts import Bars, Panel, draw_bars, draw_panels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.bench.cold_start import Starts
    from tests.bench.door import Door
    from tests.bench.overhead import Overhead

FOLDER = Path(__file__).parents[2] / "docs" / "images"
PEERS = ("Gallop", "its peer")


def draw(found: Mapping[str, Any]) -> None:
    """Draw all plots."""
    draw_bars(_overhead(found["overhead"]), FOLDER / "performance-overhead.png")
    draw_bars(_cold_start(found["cold_start"]), FOLDER / "performance-cold-start.png")
    draw_bars(_door(found["door"]), FOLDER / "performance-door.png")
    draw_panels(
        "What costs grow with",
        "Each axis begins at zero.",
        _growth(found),
        FOLDER / "performance-growth.png",
    )


def _overhead(figures: Overhead) -> Bars:
    groups = (
        ("request to POST", [way.to_post for way in figures.ways]),
        ("task's end to video", [way.to_video for way in figures.ways]),
        ("p95 of that", [way.to_video_p95 for way in figures.ways]),
    )
    names = [way.way for way in figures.ways]
    subtitle = f"{figures.jobs} jobs of 80 s each way, at real time: seconds that a job takes longer than its task."
    return Bars("The overhead of a job", subtitle, names, groups, "s", 1)


def _cold_start(figures: Starts) -> Bars:
    groups = [(one.function, (one.gallop.wall_ms, one.peer.wall_ms)) for one in figures.functions]
    subtitle = (
        "Start of a process to its first answer, beside the same libraries that make the same calls without Gallop."
    )
    return Bars("Cold starts", subtitle, PEERS, groups, "ms")


def _door(figures: Door) -> Bars:
    groups = [
        (f"{name}, {tail}", (getattr(route.after, tail), getattr(route.before, tail)))
        for route, name in zip(figures.routes, ("create", "get", "list"), strict=True)
        for tail in ("p50", "p95")
    ]
    subtitle = f"{figures.connections} connections on this machine; most of the time is the testbed's."
    return Bars("The HTTPS door", subtitle, ("after", f"before ({figures.commit})"), groups, "ms")


def _growth(found: Mapping[str, Any]) -> list[Panel]:
    bursts, lines = found["jobs"].bursts, found["line"].lines
    results, listings = found["result"].results, found["listing"].listings
    at_once, queued = [f"{one.jobs:,}" for one in bursts], [f"{one.length:,}" for one in lines]
    sizes, lengths = [f"{one.megabytes:,} MB" for one in results], [f"{one.length:,}" for one in listings]
    return [
        Panel("Calls per job", "jobs at once", at_once, [one.calls for one in bursts], ""),
        Panel("AWS's price per 1,000 jobs", "jobs at once", at_once, [one.usd * 1000 for one in bursts], "USD"),
        Panel("Calls to grant a slot", "jobs in the queue", queued, [one.slot.calls for one in lines], ""),
        Panel(
            "Read when a job arrives",
            "jobs in the queue",
            queued,
            [one.arrival.read_bytes / 1000 for one in lines],
            "KB",
        ),
        Panel("Memory to store a result", "beyond idle", sizes, [one.gallop.memory_mb for one in results], "MB"),
        Panel(
            "Read for a page of a list", "jobs in the list", lengths, [one.read_bytes / 1000 for one in listings], "KB"
        ),
    ]
