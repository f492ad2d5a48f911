"""The README's figures match the code, and its links work."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest
from gallop.domain import models

from tests.e2e.examples import section

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SINGAPORE = "https://dashscope-intl.aliyuncs.com/api/v1"
LENGTHS = (5, 10, 15)


def test_prices_are_those_of_the_catalogue() -> None:
    """Every model and resolution has its row, with the price of three lengths."""
    rows = set(re.findall(r"^\| `(\S+)` \| (\S+) \| (.*) \|$", section(README, "What it costs"), re.MULTILINE))
    expected = {
        (model.id, resolution, " | ".join(f"{price(model.id, resolution, length):.2f}" for length in LENGTHS))
        for model in models.MODELS.values()
        for resolution in model.resolutions
    }
    assert expected == rows


def price(model: str, resolution: str, seconds: int) -> Decimal:
    """Return the price of a video in the international region."""
    return models.cost_usd(model, resolution, seconds, SINGAPORE)


def test_the_sum_of_the_aws_costs_is_correct() -> None:
    """The costs of a job add up, and each line equals its arithmetic."""
    table = section(README, "What it costs").split("| what | arithmetic |")[1].split("\n\n")[0]
    lines = re.findall(r"^\| ([^|*]+) \| ([^|]+) \| ([\d.]+) \|$", table, re.MULTILINE)
    bill = [Decimal(amount) for what, _, amount in lines if "download" not in what]
    (total,) = re.findall(r"\| \*\*a job\*\* \| \| \*\*([\d.]+)\*\* \|", table)
    assert Decimal(total) == sum(bill)


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\((?!https?:)([^)#]+)\)", README))))
def test_its_links_work(target: str) -> None:
    """Every link into the repository leads to a file."""
    assert (ROOT / target).exists()


@pytest.mark.parametrize("target", sorted(set(re.findall(r"(?:`|\$ |\()make (?:-s )?([a-z]+)", README))))
def test_every_make_target_exists(target: str) -> None:
    """Every target that it names exists."""
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_every_failure_code_exists() -> None:
    """The codes in the table are those of the code."""
    codes = {
        code
        for cell in re.findall(r"^\| (`[^|]+) \|", section(README, "When something goes wrong"), re.MULTILINE)
        for code in re.findall(r"`(\w+)`", cell)
    }
    source = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "shared" / "gallop").rglob("*.py"))
    assert codes
    assert not {code for code in codes if f'"{code}"' not in source}
