"""A verifier of Content Credentials in MP4 files, written from the specification (C2PA 2.2) for the tests.

It shares nothing with the library that signs: boxes by hand, CBOR by cbor2, signatures by cryptography.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cbor2
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_C2PA = bytes.fromhex("D8FEC3D61B0E483C92975828877EC481")
_CHAIN, _ALGORITHM, _ES256 = 33, 1, -7
_PARTS = (b"jumb", b"jumd")


class ForgedError(Exception):
    """What a manifest claims is not true: the text says what."""


@dataclass(frozen=True)
class Box:
    """A box of MP4 or JUMBF, with the place of its first byte in what it was found in."""

    kind: bytes
    place: int
    whole: bytes
    header: int = 8

    @property
    def payload(self) -> bytes:
        """What is in it."""
        return self.whole[self.header :]


@dataclass(frozen=True)
class Super:
    """A superbox of JUMBF: what is hashed of it, and its parts by their labels, or its content."""

    content: bytes
    parts: Mapping[str, Super]
    data: bytes


@dataclass(frozen=True)
class Checked:
    """A manifest whose signature and hashes hold."""

    actions: list[dict[str, Any]]
    record: dict[str, Any]
    claim: dict[str, Any]
    signer: str
    manifests: int


def check(video: bytes, root: x509.Certificate) -> Checked:
    """Verify the newest manifest of a video up to a root; return what it says.

    Raises:
        ForgedError: the signature, its chain, the hash of an assertion, or that of the video does not hold.

    """
    (found,) = [box for box in boxes(video) if box.kind == b"uuid" and box.payload[:16] == _C2PA]
    # Version and flags, the purpose, and the place of a second box.
    purpose, _, rest = found.payload[20:].partition(b"\0")
    if purpose != b"manifest":
        raise ForgedError(f"a box for {purpose!r}")
    store = _super(next(boxes(rest[8:])))
    manifest = [*store.parts.values()][-1]
    claim_box = manifest.parts["c2pa.claim.v2"]
    signer = _check_signature(cbor2.loads(manifest.parts["c2pa.signature"].data), claim_box.data, root)
    claim = cbor2.loads(claim_box.data)
    assertions = _check_assertions(claim, manifest.parts["c2pa.assertions"].parts)
    (binding,) = [data for label, data in assertions.items() if label.startswith("c2pa.hash.bmff")]
    if hash_of(video, binding["exclusions"]) != binding["hash"]:
        raise ForgedError("the video was changed")
    actions = assertions["c2pa.actions.v2"]["actions"]
    return Checked(actions, assertions.get("gallop.record", {}), claim, signer, len(store.parts))


def boxes(data: bytes) -> Iterator[Box]:
    """Yield the boxes that follow one another."""
    place = 0
    while place < len(data):
        size, header = int.from_bytes(data[place : place + 4], "big"), 8
        if size == 1:
            size, header = int.from_bytes(data[place + 8 : place + 16], "big"), 16
        size = size or len(data) - place
        yield Box(data[place + 4 : place + 8], place, data[place : place + size], header)
        place += size


def hash_of(video: bytes, exclusions: list[dict[str, Any]]) -> bytes:
    """Return the hash of a video: each box that is not excluded, after its place in the file (18.7.2)."""
    digest = hashlib.sha256()
    for box in boxes(video):
        if not any(_is_excluded(box, one) for one in exclusions):
            digest.update(box.place.to_bytes(8, "big") + box.whole)
    return digest.digest()


def _is_excluded(box: Box, exclusion: Mapping[str, Any]) -> bool:
    if exclusion["xpath"] != f"/{box.kind.decode()}":
        return False
    wanted = exclusion.get("data") or []
    return all(box.whole[one["offset"] :].startswith(one["value"]) for one in wanted)


def _super(box: Box) -> Super:
    if box.kind != b"jumb":
        raise ForgedError(f"a box {box.kind!r} instead of a superbox")
    about, *inner = boxes(box.payload)
    return Super(
        content=box.payload,
        parts={_label(next(boxes(one.payload))): _super(one) for one in inner if one.kind == b"jumb"},
        data=b"".join(one.payload for one in inner if one.kind not in _PARTS and about.kind == b"jumd"),
    )


def _label(about: Box) -> str:
    return about.payload[17:].partition(b"\0")[0].decode()


def _check_signature(signature: Any, claim: bytes, root: x509.Certificate) -> str:  # noqa: ANN401 - CBOR
    """Verify the signature of a claim, and the chain of its certificates (RFC 9052, 4.4); return who signed."""
    protected, unprotected, detached, raw = signature.value
    headers = {**unprotected, **cbor2.loads(protected)}
    chain = headers.get(_CHAIN) or headers["x5chain"]
    certificates = [x509.load_der_x509_certificate(der) for der in (chain if isinstance(chain, list) else [chain])]
    if (headers[_ALGORITHM], detached) != (_ES256, None):
        raise ForgedError("not a detached signature of ES256")
    signed = cbor2.dumps(["Signature1", protected, b"", claim])
    key = certificates[0].public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    try:
        half = len(raw) // 2
        numbers = (int.from_bytes(part, "big") for part in (raw[:half], raw[half:]))
        key.verify(encode_dss_signature(*numbers), signed, ec.ECDSA(hashes.SHA256()))
        for one, issuer in zip(certificates, [*certificates[1:], root], strict=True):
            if one != root:
                one.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError) as error:
        raise ForgedError("the signature does not hold") from error
    return certificates[0].subject.rfc4514_string()


def _check_assertions(claim: Mapping[str, Any], stored: Mapping[str, Super]) -> dict[str, Any]:
    """Compare the hash of each assertion that a claim names; return the assertions by their labels."""
    named = [*claim["created_assertions"], *claim.get("gathered_assertions", [])]
    for one in named:
        label = one["url"].rpartition("/")[2]
        if hashlib.sha256(stored[label].content).digest() != one["hash"]:
            raise ForgedError(f"the assertion {label} was changed")
    labels = [one["url"].rpartition("/")[2] for one in named]
    # An ingredient may be JSON; ours are CBOR.
    return {label: cbor2.loads(stored[label].data) for label in labels}
