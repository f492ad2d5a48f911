"""Videos with Content Credentials, signed by c2pa-python with a certificate of the tests."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate

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


@cache
def _signer() -> c2pa.Signer:
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    certificates = (
        _certificate("signer", key, root_key, is_root=False),
        _certificate("root", root_key, root_key, is_root=True),
    )
    pem = serialization.Encoding.PEM
    chain = b"".join(certificate.public_bytes(pem) for certificate in certificates)
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return c2pa.Signer.from_info(c2pa.C2paSignerInfo(b"es256", chain, private, None))


def _certificate(
    name: str, key: EllipticCurvePrivateKey, root_key: EllipticCurvePrivateKey, *, is_root: bool
) -> Certificate:
    """Return a certificate as C2PA requires it: the purposes of a signer, and the identifiers of both keys."""
    subject, issuer = (x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, one)]) for one in (name, "root"))
    now = datetime.now(UTC)
    unused = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only"), False
    )
    usage = x509.KeyUsage(
        digital_signature=not is_root, key_cert_sign=is_root, crl_sign=is_root, decipher_only=False, **unused
    )
    builder = (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_root, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
    )
    if not is_root:
        purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(purposes, critical=False)
    return builder.sign(root_key, hashes.SHA256())


def signed(video: bytes) -> bytes:
    """Return a video with a manifest which says that a model made it."""
    result = io.BytesIO()
    c2pa.Builder(MANIFEST).sign(_signer(), MP4, io.BytesIO(video), result)
    return result.getvalue()


def state_of(video: bytes) -> str:
    """Return what C2PA's own reader says of the manifest of a video: ``Valid`` or ``Invalid``."""
    return str(c2pa.Reader(MP4, io.BytesIO(video)).get_validation_state())
