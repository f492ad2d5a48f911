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
    console.print(f"Checked: both videos play ({evidence[0].film}) and match their SHA-256.\n")
    for found in evidence:
        files = "  ".join(file.name for file in sorted(found.folder.iterdir(), reverse=True))
        console.print(f"  {found.folder.relative_to(root)}/".ljust(26) + files)
    console.print("\nThe fake DashScope pans over the images; for public addresses it draws cards.")
    console.print(f"All of this took {seconds:.0f} s, and nothing left this machine.")


def _table(evidence: Sequence[Evidence]) -> Table:
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="bold", pad_edge=False)
    for name in ("door", "job"):
        table.add_column(name, no_wrap=True, vertical="bottom")
    for name in ("seconds", "polls", "DashScope\nPOSTs", "cost"):
        table.add_column(name, justify="right", vertical="bottom")
    for found in evidence:
        receipt = found.receipt
        figures = (str(int(found.seconds)), str(receipt["task"]["polls"]), str(found.tasks))
        table.add_row(found.door, receipt["job"], *figures, f"${receipt['cost']:.2f}")
    return table
