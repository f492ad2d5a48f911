"""A private key in KMS, which signs and never leaves it."""

from __future__ import annotations

import hashlib

from gallop.adapters import aws

# KMS's names of the algorithms of C2PA, and of their hashes.
ALGORITHMS = {
    "es256": ("ECDSA_SHA_256", "sha256"),
    "es384": ("ECDSA_SHA_384", "sha384"),
    "es512": ("ECDSA_SHA_512", "sha512"),
    "ps256": ("RSASSA_PSS_SHA_256", "sha256"),
}


@aws.guarded
def sign(key_arn: str, algorithm: str, message: bytes) -> bytes:
    """Return the signature of a message; of it, KMS gets only the hash.

    Raises:
        AwsTrouble: KMS refused.

    """
    name, hashing = ALGORITHMS[algorithm]
    digest = hashlib.new(hashing, message).digest()
    answer = aws.kms().sign(KeyId=key_arn, Message=digest, MessageType="DIGEST", SigningAlgorithm=name)
    signature: bytes = answer["Signature"]
    return signature
