"""The certificate that signs Content Credentials, as a secret has it: its chain and its private key, in PEM.

What is needed before anything is signed is read without a library: most certificates that cannot be used have expired,
or were pasted in part.
"""

from __future__ import annotations

import binascii
import re
from datetime import UTC, datetime

from gallop.domain.frozen import frozen

_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----\s(.*?)-----END \1-----", re.DOTALL)
# PKCS #8, not encrypted: the library reads no other form.
_CERTIFICATE, _KEY = "CERTIFICATE", "PRIVATE KEY"
# By the identifier in the certificate's public key, which is that of a curve where the key is of one.
_ALGORITHMS = {
    bytes.fromhex("06082a8648ce3d030107"): "es256",
    bytes.fromhex("06052b81040022"): "es384",
    bytes.fromhex("06052b81040023"): "es512",
    bytes.fromhex("06092a864886f70d010101"): "ps256",
    bytes.fromhex("06032b6570"): "ed25519",
}
_VERSION, _UTC_TIME, _LONG = 0xA0, 0x17, 0x80


@frozen
class Identity:
    """Who signs: the certificates, that of the signer first, and its private key, in PEM; and how it signs.

    ``key`` is empty if it is not in the secret. The times are seconds since the epoch.
    """

    chain: str
    key: str
    algorithm: str
    valid_from: float
    valid_until: float


def read(secret: str) -> Identity | None:
    """Read the PEM blocks of a secret; None if it has no certificate, or none that can be read."""
    blocks = list(_BLOCK.finditer(secret))
    certificates = [block for block in blocks if block[1] == _CERTIFICATE]
    keys = [block for block in blocks if block[1] == _KEY]
    if not certificates or len(keys) > 1:
        return None
    try:
        public_key, valid_from, valid_until = _facts(binascii.a2b_base64(certificates[0][2]))
    except (ValueError, IndexError):
        return None
    algorithm = next((name for known, name in _ALGORITHMS.items() if known in public_key), "")
    chain = "".join(f"{block[0]}\n" for block in certificates)
    return Identity(chain, f"{keys[0][0]}\n" if keys else "", algorithm, valid_from, valid_until)


def _facts(certificate: bytes) -> tuple[bytes, float, float]:
    """Return the public key of a certificate, and from when until when it is valid (RFC 5280, 4.1)."""
    parts = _elements(_elements(_elements(certificate)[0][1])[0][1])
    # The version may be left out.
    _, _, _, validity, _, public_key = parts[parts[0][0] == _VERSION :][:6]
    begin, end = _elements(validity[1])
    return public_key[1], _time(*begin), _time(*end)


def _elements(content: bytes) -> list[tuple[int, bytes]]:
    """Return the tags and contents of what follows one another in DER."""
    found, place = [], 0
    while place < len(content):
        tag, length, start = content[place], content[place + 1], place + 2
        if length >= _LONG:
            start += length - _LONG
            length = int.from_bytes(content[place + 2 : start], "big")
        found.append((tag, content[start : start + length]))
        place = start + length
    return found


def _time(tag: int, content: bytes) -> float:
    text = content.decode("ascii")
    if tag == _UTC_TIME:
        # Two digits of a year mean one until 2049.
        text = f"{'19' if text >= '5' else '20'}{text}"
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()
