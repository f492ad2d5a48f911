"""The mails of the testbed are shown as a person would get them."""

from __future__ import annotations

from email import message_from_bytes, policy
from typing import TYPE_CHECKING

from tests.testbed.mailbox import Mailbox

if TYPE_CHECKING:
    from pathlib import Path


def test_a_mail_is_shown_and_kept(tmp_path: Path) -> None:
    """A mail program opens it; those of an earlier run are gone."""
    shown: list[str] = []
    for _ in range(2):
        box = Mailbox(tmp_path / "mail", shown.append)
        box.take("ada@example.com", "Video ready: Frühling", "Your video “Frühling” is ready.\n")
    (file,) = (tmp_path / "mail").iterdir()
    mail = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert "ada@example.com" == mail["To"]
    assert "Video ready: Frühling" == mail["Subject"]
    assert "Your video “Frühling” is ready.\n" == mail.get_content()
    assert shown[0].startswith("Mail to ada@example.com: Video ready: Frühling (")
    assert shown[0].endswith("\n\nYour video “Frühling” is ready.\n")
