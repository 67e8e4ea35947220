"""The hash algorithms of digest, and the two values that both sides compute with them.

RFC 7616 §3.4.1 to §3.4.3 and §6.1, RFC 8760 §2.1 and §2.2. The variants whose name ends in "-sess"
and the qop "auth-int" are not here: nobody offers them, so nobody may answer with them.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Callable, Collection
from typing import Final

from cryptography.hazmat.primitives import hashes

__all__ = ["Algorithm", "find_algorithm", "make_ha1", "make_response"]


class Algorithm(enum.Enum):
    """A hash algorithm; the value is its name on the wire (RFC 7616 §6.1)."""

    SHA_256 = "SHA-256"
    SHA_512_256 = "SHA-512-256"
    MD5 = "MD5"

    @property
    def digits(self) -> int:
        """How many hexadecimal digits a digest has (RFC 8760 §2.2)."""
        return 32 if self is Algorithm.MD5 else 64

    def digest(self, text: str) -> str:
        """Return the digest of a text, in lower-case hexadecimal.

        Args:
            text: Text of a message; its octets are hashed as they were on the wire.
        """
        return _HASHES[self](text.encode("utf-8", "surrogateescape"))


def find_algorithm(name: str) -> Algorithm | None:
    """Return the algorithm of that name in any case, MD5 for "", None if it is not known.

    Args:
        name: The algorithm parameter; one that is left out means MD5 (RFC 7616 §3.3).
    """
    return _BY_NAME.get(name.upper()) if name else Algorithm.MD5


def make_ha1(algorithm: Algorithm, username: str, realm: str, password: str) -> str:
    """Return what stands for the password: the digest of A1 (RFC 7616 §3.4.2).

    Args:
        algorithm: The hash algorithm.
        username: The name, as the client sends it.
        realm: The realm, as the server sends it.
        password: The password.

    Returns:
        The digest. Who has it can answer challenges of that realm, so it is a secret too.
    """
    return algorithm.digest(f"{username}:{realm}:{password}")


def make_response(
    algorithm: Algorithm,
    ha1: str,
    *,
    method: str,
    uri: str,
    nonce: str,
    nc: str = "",
    cnonce: str = "",
    qop: str = "",
) -> str:
    """Return the response to a challenge (RFC 7616 §3.4.1).

    Args:
        algorithm: The hash algorithm.
        ha1: What `make_ha1` gives with the same algorithm.
        method: The method of the request.
        uri: The uri parameter as it stands in the credentials.
        nonce: The server's nonce.
        nc: The nonce count as it stands in the credentials.
        cnonce: The client's nonce.
        qop: "auth", or "" for a response as in RFC 2069, without nc and cnonce.

    Returns:
        The response, in lower-case hexadecimal.
    """
    ha2 = algorithm.digest(f"{method}:{uri}")
    middle = f"{nonce}:{nc}:{cnonce}:{qop}" if qop else nonce
    return algorithm.digest(f"{ha1}:{middle}:{ha2}")


def choose_sha_512_256(available: Collection[str]) -> Callable[[bytes], str]:
    """Return SHA-512/256: hashlib's, or that of `cryptography` where hashlib lacks it.

    It is no SHA-512 cut short: it starts from other values (FIPS 180-4 §5.3.6.2).

    Args:
        available: The algorithms that hashlib has here.
    """
    if "sha512_256" in available:
        return lambda data: hashlib.new("sha512_256", data).hexdigest()

    def digest(data: bytes) -> str:
        context = hashes.Hash(hashes.SHA512_256())
        context.update(data)
        return context.finalize().hex()

    return digest


_BY_NAME: Final = {each.value: each for each in Algorithm}
_HASHES: Final[dict[Algorithm, Callable[[bytes], str]]] = {
    Algorithm.SHA_256: lambda data: hashlib.sha256(data).hexdigest(),
    Algorithm.SHA_512_256: choose_sha_512_256(hashlib.algorithms_available),
    # Offered for phones that know nothing else; digest leans on no collision resistance.
    Algorithm.MD5: lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
}
