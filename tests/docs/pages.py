"""The pages that contain blocks from the code, and what each block shows.

``python -m tests.docs.pages`` updates the pages; a test compares.
"""

from __future__ import annotations

from pathlib import Path

from tests.docs import costs, examples, item_kinds, models_page, operations_page, template_blocks
from tests.docs.markdown import renew

ROOT = Path(__file__).parents[2]
PAGES = {
    "docs/https-door.md": {
        **examples.BLOCKS["docs/https-door.md"],
        "kinds": models_page.kinds,
        "what to send": models_page.what_to_send,
        "parameters": models_page.parameters,
        "media": models_page.media,
    },
    "docs/s3-door.md": examples.BLOCKS["docs/s3-door.md"],
    "docs/architecture.md": {"item kinds": item_kinds.item_kinds},
    "docs/costs.md": {
        "vendor prices": costs.vendor_prices,
        "aws per job": costs.job_bill,
        "aws per month": costs.idle_bill,
    },
    "docs/deploy.md": {"outputs": template_blocks.outputs, "parameters": template_blocks.parameters},
    "docs/operations.md": {
        "alarms": template_blocks.alarms,
        "shown": operations_page.shown,
        "doctor": operations_page.doctor,
        "commands": operations_page.commands,
        "metrics": operations_page.metrics,
    },
    "docs/retention.md": {
        "buckets": template_blocks.buckets,
        "records": item_kinds.records,
        "logs": template_blocks.logs,
        "queues": template_blocks.queues,
        "kept resources": template_blocks.kept_resources,
    },
}


def main() -> None:
    """Update all pages."""
    for page, blocks in PAGES.items():
        path = ROOT / page
        path.write_text(renew(path.read_text(encoding="utf-8"), blocks), encoding="utf-8")


if __name__ == "__main__":
    main()
