"""Which stack a command uses, with which key; ``gallop login`` keeps both for one person alone."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest
from gallop.cli import testbed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.functional.cli.user.conftest import Command


@pytest.fixture
def alone(gallop: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Give the command, and nothing that says which stack it uses."""
    monkeypatch.delenv("GALLOP_URL")
    monkeypatch.delenv("GALLOP_KEY")
    return gallop


def login(gallop: Command) -> None:
    """Keep the world's address and key."""
    assert not gallop.ok("login", "--url", gallop.world.url, answer=f"{gallop.world.key}\n")


def test_without_anything_all_ways_are_named(alone: Command) -> None:
    """The options, the environment, the login, and the testbed."""
    result = alone("list")
    assert 2 == result.exit_code
    for way in ("gallop login", "GALLOP_URL=", "GALLOP_KEY=", "--url", "--key-file", "make up"):
        assert way in result.stderr


def test_a_login_is_used_and_only_its_owner_can_read_it(alone: Command, home: Path) -> None:
    """In a folder of its own, whose rights a later login repairs."""
    (home / "gallop").mkdir(parents=True)
    login(alone)
    file = home / "gallop" / "login.json"
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)
    assert 0o700 == stat.S_IMODE(file.parent.stat().st_mode)
    assert [file] == [*file.parent.iterdir()]
    assert {"url": alone.world.url, "key": alone.world.key} == json.loads(file.read_text())
    assert [] == alone.json("list")
    alone.ok("logout")
    assert [] == [*file.parent.iterdir()]
    assert "not logged in" in alone("logout").stderr


def test_a_key_that_others_can_read_is_refused(alone: Command, home: Path) -> None:
    """The message has the command that repairs it."""
    login(alone)
    file = home / "gallop" / "login.json"
    file.chmod(0o640)
    result = alone("list")
    assert 2 == result.exit_code
    assert f"chmod 600 {file}" in result.stderr
    file.chmod(0o600)
    file.write_text("{", encoding="utf-8")
    assert "is damaged" in alone("list").stderr


@pytest.mark.parametrize(
    ("url", "answer", "says"),
    [
        ("{}", "gallop_wrong\n", "not valid"),
        ("{}", "\n", "API key missing"),
        ("http://example.com", "{}\n", "must begin with https://"),
    ],
)
def test_what_the_stack_does_not_accept_is_not_stored(
    alone: Command, home: Path, url: str, answer: str, says: str
) -> None:
    """A wrong key, none, and an address where others could read it; an earlier login stays."""
    login(alone)
    before = (home / "gallop" / "login.json").read_bytes()
    result = alone("login", "--url", url.format(alone.world.url), answer=answer.format(alone.world.key))
    assert 2 == result.exit_code
    assert says in result.stderr
    assert before == (home / "gallop" / "login.json").read_bytes()


def test_a_stored_key_is_sent_to_no_other_address(alone: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither that of the login nor that of the testbed: the command asks for another key."""
    login(alone)
    testbed.RUNNING.write_text(json.dumps({"api_url": "http://127.0.0.1:9", "api_key": alone.world.key}))
    before = len(alone.world.calls)
    result = alone("list", "--url", "https://other.example.com")
    assert 2 == result.exit_code
    assert "There is no API key for https://other.example.com" in result.stderr
    monkeypatch.setenv("GALLOP_KEY", alone.world.key)
    assert "GALLOP_KEY is set, and no address" in alone("list").stderr
    monkeypatch.setenv("GALLOP_URL", "https://third.example.com")
    assert (
        "There is no API key for https://other.example.com"
        in alone("list", "--url", "https://other.example.com").stderr
    )
    assert before == len(alone.world.calls)


def test_options_then_the_shell_then_the_login_then_the_testbed(
    alone: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each next one is used only without those before it; the message about a wrong key says where it is from."""
    url, key = alone.world.url, alone.world.key
    testbed.RUNNING.write_text(json.dumps({"api_url": url, "api_key": "wrong4"}))
    assert "from the running testbed" in alone("list").stderr
    login(alone)
    alone.ok("list")
    monkeypatch.setenv("GALLOP_URL", f"{url}/")
    monkeypatch.setenv("GALLOP_KEY", "wrong2")
    assert "from GALLOP_KEY" in alone("list").stderr
    (alone.folder / "key").write_text(f"{key}\n")
    alone.ok("list", "--key-file", "key")
    monkeypatch.delenv("GALLOP_KEY")
    alone.ok("list")
