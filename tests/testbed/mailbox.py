"""The mails that SNS would send: each is a file that a mail program opens, and a line in the terminal."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.message import EmailMessage
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SENDER = "AWS Notifications <no-reply@sns.amazonaws.com>"
# What SNS uses as a subject where a message has none.
NO_SUBJECT = "AWS Notification Message"


@dataclass(slots=True)
class Mailbox:
    """The mails to all addresses that have subscribed to a topic, in a folder that is empty at first."""

    folder: Path
    show: Callable[[str], None]
    """Called with the text of each mail, with its address, subject and file."""
    _numbers: Iterator[int] = field(init=False, default_factory=lambda: count(1))
    _lock: Lock = field(init=False, default_factory=Lock)

    def __post_init__(self) -> None:
        """Remove the mails of an earlier run."""
        for mail in self.folder.glob("*.eml"):
            mail.unlink()

    def take(self, address: str, subject: str, text: str) -> None:
        """Take a mail."""
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = SENDER, address, subject or NO_SUBJECT
        mail.set_content(text)
        with self._lock:
            self.folder.mkdir(parents=True, exist_ok=True)
            file = self.folder / f"{next(self._numbers):04d}.eml"
            file.write_bytes(bytes(mail))
            self.show(f"Mail to {address}: {mail['Subject']} ({file})\n\n{text}")
