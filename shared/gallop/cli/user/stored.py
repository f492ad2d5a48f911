"""The address and the key that ``gallop login`` keeps, in a file that only its owner can read."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from gallop.cli.show import refuse

OWNER_ONLY, FOLDER_MODE = 0o600, 0o700


def path() -> Path:
    """Return the file, in the user's folder of configurations."""
    # XDG's specification says to ignore a relative path in this variable.
    folder = Path(os.environ.get("XDG_CONFIG_HOME") or "")
    return (folder if folder.is_absolute() else Path.home() / ".config") / "gallop" / "login.json"


def read() -> tuple[str, str]:
    """Return the address and the key; two empty texts without a login. A file that others can read is refused."""
    file = path()
    try:
        mode, text = file.stat().st_mode, file.read_text(encoding="utf-8")
        found = json.loads(text)
        pair = str(found["url"]), str(found["key"])
    except FileNotFoundError:
        return "", ""
    except OSError as error:
        refuse(f"{file} cannot be read: {error.strerror}. Run `gallop login` again.")
    except (ValueError, KeyError, TypeError):
        refuse(f"{file} is damaged. Run `gallop login` again.")
    if os.name == "posix" and mode & ~OWNER_ONLY & 0o777:
        refuse(f"Other users of this machine can read your API key. Run: chmod 600 {file}")
    return pair


def write(url: str, key: str) -> Path:
    """Keep an address and a key: all of it or nothing, and never readable by others.

    Raises:
        OSError: it cannot be written.

    """
    file = path()
    file.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    file.parent.chmod(FOLDER_MODE)
    # Made for its owner only.
    number, name = tempfile.mkstemp(prefix=".login-", dir=file.parent)
    try:
        with os.fdopen(number, "w", encoding="utf-8") as made:
            json.dump({"url": url, "key": key}, made)
            made.flush()
            os.fsync(number)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return file


def remove() -> bool:
    """Remove the file; return whether there was one."""
    try:
        path().unlink()
    except FileNotFoundError:
        return False
    return True
