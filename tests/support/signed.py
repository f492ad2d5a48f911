"""Certificates of the tests for Content Credentials, and videos that c2pa-python has signed with them."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.x509 import Certificate

    Key = EllipticCurvePrivateKey | Ed25519PrivateKey | RSAPrivateKey

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
MANIFEST = {
    "claim_generator_info": [{"name": "Gallop's tests", "version": "1"}],
    "assertions": [
        {
            "label": "c2pa.actions",
            "data": {"actions": [{"action": "c2pa.created", "digitalSourceType": SOURCE_TYPE}]},
        }
    ],
}
MP4 = "video/mp4"
_PEM = serialization.Encoding.PEM
# Around the clocks of all tests, and that of this machine.
VALID = datetime(2020, 1, 1, tzinfo=UTC), datetime(2049, 1, 1, tzinfo=UTC)
EXPIRED = datetime(2020, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC)
COMING = datetime(2048, 1, 1, tzinfo=UTC), datetime(2049, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Authority:
    """Who issues certificates."""

    key: EllipticCurvePrivateKey
    root: Certificate

    def secret(
        self,
        valid: tuple[datetime, datetime] = VALID,
        key: EllipticCurvePrivateKey | None = None,
        purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.EMAIL_PROTECTION,
    ) -> str:
        """Return a new certificate with its chain and its private key in PEM; ``key`` is another one than its own."""
        own = ec.generate_private_key(ec.SECP256R1())
        signer = self.certificate(own, valid, purpose)
        chain = "".join(one.public_bytes(_PEM).decode() for one in (signer, self.root))
        return chain + pem_of(key or own)

    def certificate(
        self,
        key: Key,
        valid: tuple[datetime, datetime] = VALID,
        purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.EMAIL_PROTECTION,
    ) -> Certificate:
        """Return a certificate for a key."""
        return _certificate("owner", key, self.key, valid, purpose)


def pem_of(key: EllipticCurvePrivateKey) -> str:
    """Return a private key in PEM."""
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


@cache
def authority() -> Authority:
    """Return the one of these tests."""
    return new_authority()


def new_authority() -> Authority:
    """Return another one."""
    key = ec.generate_private_key(ec.SECP256R1())
    return Authority(key, _certificate("root", key, key, VALID))


def _certificate(
    name: str,
    key: Key,
    root_key: EllipticCurvePrivateKey,
    valid: tuple[datetime, datetime],
    purpose: x509.ObjectIdentifier | None = None,
) -> Certificate:
    """Return a certificate as C2PA requires it: its purpose, and the identifier of the key above; or that of a root."""
    is_root = purpose is None
    subject, issuer = (x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, one)]) for one in (name, "root"))
    unused = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only"), False
    )
    usage = x509.KeyUsage(
        digital_signature=not is_root, key_cert_sign=is_root, crl_sign=is_root, decipher_only=False, **unused
    )
    builder = (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(valid[0])
        .not_valid_after(valid[1])
        .add_extension(x509.BasicConstraints(ca=is_root, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
    )
    if purpose:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    return builder.sign(root_key, hashes.SHA256())


@cache
def _signer() -> c2pa.Signer:
    secret = authority().secret().encode()
    chain, _, key = secret.partition(b"-----BEGIN PRIVATE KEY-----")
    return c2pa.Signer.from_info(c2pa.C2paSignerInfo(b"es256", chain, b"-----BEGIN PRIVATE KEY-----" + key, None))


def signed(video: bytes) -> bytes:
    """Return a video with a manifest which says that a model made it."""
    result = io.BytesIO()
    c2pa.Builder(MANIFEST).sign(_signer(), MP4, io.BytesIO(video), result)
    return result.getvalue()


def state_of(video: bytes) -> str:
    """Return what C2PA's own reader says of the manifest of a video: ``Valid`` or ``Invalid``."""
    return str(c2pa.Reader(MP4, io.BytesIO(video)).get_validation_state())
