"""Every path, module, constant, command, parameter and link that a page names exists."""

from __future__ import annotations

import pytest

from tests.docs import names

BROKEN = {
    "see `tests/docs/nothing.py`": "path: tests/docs/nothing.py",
    "see `docs/nothing/`": "path: docs/nothing/",
    "see `nothing.py`": "path: nothing.py",
    "see `gallop.domain.nothing`": "module: gallop.domain.nothing",
    "see `nothing` in `gallop.domain.models`": "module: gallop.domain.models.nothing",
    "run `python -m tests.nothing`": "module: tests.nothing",
    "change `MAX_NOTHING`": "constant: MAX_NOTHING",
    "set `SPEEEED=1`": "constant: SPEEEED",
    "run `make nothing`": "make target: nothing",
    "```sh\nmake nothing\n```": "make target: nothing",
    "run `make demo NOTHING=1`": "make target: NOTHING",
    "run `gallop keys nothing`": "command: gallop keys nothing",
    "run `gallop keys list --nothing`": "command: gallop keys list --nothing",
    "```console\n$ .venv/bin/gallop nothing\n```": "command: gallop nothing",
    "set `NothingPerSecond`": "template: NothingPerSecond",
    "set `NothingCap: 7`": "template: NothingCap",
    "see [this](nothing.md)": "link: nothing.md",
    "see [this](README.md#nothing)": "link: README.md#nothing",
    "see [this](#nothing)": "link: #nothing",
}
SOUND = """\
# A page

See [this](#a-page), [that](docs/errors.md#refusals) and [them](https://example.com/nothing.md#nothing).
`tests/docs/*.py` and `template.yaml` are files, `drop/cat.jpg` is an upload, and `gallop.domain.models` is a module
with `MODELS` in `gallop.domain.models` and `rounded` in `gallop.domain.prices`.
`MaxInFlight: 94` sets a parameter, `JOB_TABLE` is a variable, and `JobTable` is a table.
`make demo SPEED=1`, `gallop keys create me --expires 90d` and `python -m tests.docs.pages` run.
"""


@pytest.mark.parametrize("page", names.PAGES)
def test_what_a_page_names_exists(page: str) -> None:
    """After a rename, the page is renamed with it."""
    assert [] == names.missing(page, (names.ROOT / page).read_text(encoding="utf-8"))


@pytest.mark.parametrize("text", BROKEN)
def test_a_name_that_does_not_exist_is_found(text: str) -> None:
    """One of each kind."""
    assert [BROKEN[text]] == names.missing("A.md", text)


def test_names_that_exist_are_not_reported() -> None:
    """Neither are uploads, examples and pages elsewhere."""
    assert [] == names.missing("A.md", SOUND)
