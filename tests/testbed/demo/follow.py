"""Send a job through each door at the same time, and watch until the videos are ready."""

from __future__ import annotations

import threading
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from tests.testbed.demo.doors import DemoFailed
from tests.testbed.demo.track import Track

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.testbed.demo.display import Display
    from tests.testbed.demo.doors import Door
    from tests.testbed.stack import Testbed

# Each look at the HTTPS door runs two functions, which share the machine with the jobs.
LOOK_EVERY_SECONDS = 0.5
GIVE_UP_AFTER_SECONDS = 300


def follow(testbed: Testbed, doors: Sequence[Door], screen: Display) -> list[float]:
    """Wait until every door's job has succeeded; return the seconds that each took, from the door to the end.

    Raises:
        DemoFailed: A job did not succeed.

    """
    start = testbed.clock.now()
    tracks = [Track(door, testbed.clock, start) for door in doors]
    stop = threading.Event()
    with screen.showing(tracks), ThreadPoolExecutor(len(tracks)) as watchers:
        try:
            watches = [watchers.submit(_watch, track, screen, stop) for track in tracks]
            wait(watches, GIVE_UP_AFTER_SECONDS, FIRST_EXCEPTION)
        finally:
            stop.set()
    for watch in watches:
        watch.result()
    if not all(track.is_done for track in tracks):
        raise DemoFailed(f"Not every job has ended after {GIVE_UP_AFTER_SECONDS} s of real time.")
    return [track.elapsed for track in tracks]


def _watch(track: Track, screen: Display, stop: threading.Event) -> None:
    screen.changed(track)
    snapshot = track.door.send()
    while True:
        if track.see(snapshot):
            screen.changed(track)
        if track.is_done or stop.wait(LOOK_EVERY_SECONDS):
            return
        snapshot = track.door.look()
