"""The demo's final output: what the jobs took, and where the videos are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from tests.testbed.demo.proof import Evidence


def show(console: Console, evidence: Sequence[Evidence], root: Path, seconds: float) -> None:
    """Print the evidence, with paths relative to ``root``; ``seconds`` is the duration of the whole demo."""
    jobs = len(evidence)
    console.print()
    console.print(_table(evidence))
    console.print()
    console.print(f"Checked: {jobs} jobs made {jobs} paid requests and {jobs} tasks at the fake DashScope.")
    console.print("Checked: every video has its pixels, seconds, sound and SHA-256.")
    console.print("Checked: i2v starts with its first frame, and video-edit with its input video.\n")
    folders = evidence[0].folder.parent.relative_to(root)
    console.print(f"Watch them: {folders}/{{{','.join(found.kind for found in evidence)}}}/video.mp4")
    console.print("Their receipts, and what they were made from, are in the same folders.")
    console.print(f"All of this took {seconds:.0f} s, and nothing left this machine.")


def _table(evidence: Sequence[Evidence]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for name in ("kind", "job"):
        table.add_column(name, no_wrap=True)
    for name in ("seconds", "polls", "POSTs", "billed", "cost"):
        table.add_column(name, justify="right", no_wrap=True)
    for found in evidence:
        receipt = found.receipt
        figures = (str(int(found.seconds)), str(receipt["task"]["polls"]), str(found.tasks), f"{found.billed:g} s")
        table.add_row(found.kind, receipt["job"], *figures, f"${receipt['cost']:.2f}")
    return table
