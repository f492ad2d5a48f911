"""A testbed that ``tests.bench.door`` sends requests to, in the tree of files that ``PYTHONPATH`` names.

It prints its coordinates as a line of JSON. For each line on its input, which names a function, it prints the
milliseconds of that function's warm runs since the last such line. It ends with its input.
"""

from __future__ import annotations

import json
import sys

from tests.testbed.stack import Testbed

FUNCTIONS = ("AuthorizeFunction", "SubmitFunction", "VideosFunction")


def main() -> None:
    """Start the testbed, and answer."""
    with Testbed(speed=1.0, prewarm=FUNCTIONS) as testbed:
        print(testbed.coordinates.to_json().replace("\n", ""), flush=True)  # noqa: T201
        seen = 0
        for line in sys.stdin:
            runs = testbed.invocations()
            durations = [run.duration_ms for run in runs[seen:] if run.function == line.strip() and not run.cold]
            seen = len(runs)
            print(json.dumps(durations), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
