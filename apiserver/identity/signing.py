"""The key that signs service account tokens, loaded when the first one is met.

Neighbours: `tokens` (what is signed and checked), `pki` (makes the key).
"""

import base64
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, cast

from apimachinery.wire import JsonObject

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

ALGORITHM = "ES256"


class Signer:
    """One EC private key in a PEM file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._private: ec.EllipticCurvePrivateKey | None = None
        self._key_id = ""

    def sign(self, claims: JsonObject) -> str:
        """The claims as a JSON Web Token."""
        import jwt

        private = self._load()
        return jwt.encode(claims, private, ALGORITHM, {"kid": self._key_id})

    def public(self) -> "ec.EllipticCurvePublicKey":
        return self._load().public_key()

    def key_set(self) -> JsonObject:
        """The public key as a JSON Web Key Set."""
        numbers = self.public().public_numbers()
        key = {
            "use": "sig",
            "kty": "EC",
            "kid": self._key_id,
            "crv": "P-256",
            "alg": ALGORITHM,
            "x": _base64url(numbers.x.to_bytes(32, "big")),
            "y": _base64url(numbers.y.to_bytes(32, "big")),
        }
        return {"keys": [key]}

    def _load(self) -> "ec.EllipticCurvePrivateKey":
        from cryptography.hazmat.primitives import serialization

        if self._private is None:
            private = serialization.load_pem_private_key(self._path.read_bytes(), password=None)
            self._private = cast("ec.EllipticCurvePrivateKey", private)
            public = self._private.public_key().public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            self._key_id = _base64url(hashlib.sha256(public).digest())
        return self._private


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
