"""Every block that a page takes from the code is up to date, and each figure has a source."""

from __future__ import annotations

import pytest
from gallop.domain import prices
from gallop.domain.request import estimate

from tests.docs import costs, item_kinds, pages
from tests.docs.markdown import begin, end, renew, table
from tests.support.jobs import a_request
from tests.template import stack


@pytest.mark.parametrize("page", sorted(pages.PAGES))
def test_a_page_shows_what_the_code_says(page: str) -> None:
    """After a change of the template, a price, a receipt or a key, run `make docs`."""
    text = (pages.ROOT / page).read_text(encoding="utf-8")
    assert renew(text, pages.PAGES[page]) == text


def test_a_block_without_markers_is_an_error() -> None:
    """A page that loses its markers must not lose its block silently."""
    with pytest.raises(ValueError, match="no markers for the block 'prices'"):
        renew("# A page\n", {"prices": lambda: ""})


def test_only_what_is_between_the_markers_is_replaced() -> None:
    """The rest of the page is written by people."""
    page = f"before\n{begin('figures')}\nold\n{end('figures')}\nafter\n"
    assert page.replace("old", "new") == renew(page, {"figures": lambda: "new"})


def test_a_column_of_figures_is_aligned_to_the_right() -> None:
    """Its heading ends in a colon."""
    assert "| what | USD |\n| --- | --: |\n| a | 1 |" == table(("what", "USD:"), [("a", "1")])


def test_a_figure_that_was_not_measured_is_an_error() -> None:
    """The bill takes its amounts from the page of the measurement."""
    with pytest.raises(ValueError, match="no row 'invented'"):
        costs.figure("invented")


def test_an_item_without_a_description_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new kind of item appears on the pages, or the pages cannot be written."""
    monkeypatch.delitem(item_kinds.ABOUT, ("TASK#", "TASK"))
    with pytest.raises(ValueError, match="Describe each kind of item once"):
        item_kinds.item_kinds()


@pytest.mark.parametrize("page", ["README.md", "docs/load.md", "docs/costs.md"])
def test_the_price_of_a_usual_video_is_that_of_the_table(page: str) -> None:
    """What a page says a video of five seconds costs is what a job of the default model is estimated at."""
    usd = estimate.of(a_request(), prices.scope_of(stack.parameter("DashScopeBaseUrl"))).usd
    text = (pages.ROOT / page).read_text(encoding="utf-8")
    assert f"${usd:.2f}" in text
