"""How much work a drop is: each picture is decoded once, however many events and deliveries there are."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from gallop.media import pictures

from tests.support.drops import Door
from tests.support.pictures import picture
from tests.template.stack import batch_size, parameter

if TYPE_CHECKING:
    from tests.support.sandbox import Sandbox

QUIET, HOUR = int(parameter("QuietSeconds")), 3600
PICTURES = 9
LISTED = {"prompt": "The woman of [Image 1] smiles.", "images": [f"{n}.jpg" for n in range(1, PICTURES + 1)]}


@pytest.mark.parametrize("text", [{"prompt.txt": LISTED["prompt"]}, {"job.json": json.dumps(LISTED)}], ids=list)
def test_each_picture_is_decoded_once(sandbox: Sandbox, text: dict[str, str]) -> None:
    """And read once, with or without a list of the images, also if all events come after all files."""
    door = Door(sandbox)
    door.forget()
    for number in range(1, PICTURES + 1):
        sandbox.drop(f"drop/ad/{number}.jpg", picture(shade=number))
    for name, content in text.items():
        sandbox.drop(f"drop/ad/{name}", str(content).encode())
    with patch.object(pictures, "examine", wraps=pictures.examine) as examine:
        deliveries = door.run(HOUR)
    (job,) = sandbox.jobs()
    assert PICTURES == len(job.request.images) == examine.call_count
    assert PICTURES + 1 == sum(run.count("GetObject") for run in sandbox.made["Submit"])
    assert math.ceil((PICTURES + 1) / batch_size("SubmitFunction")) + 1 >= deliveries
