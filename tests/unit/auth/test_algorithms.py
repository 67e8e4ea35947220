import hashlib

import pytest

from ringway.auth.algorithms import (
    Algorithm,
    choose_sha_512_256,
    find_algorithm,
    make_ha1,
    make_response,
)

# FIPS 180-4 examples, "abc"
ABC = {
    Algorithm.SHA_256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    Algorithm.SHA_512_256: "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23",
    Algorithm.MD5: "900150983cd24fb0d6963f7d28e17f72",
}


@pytest.mark.parametrize("algorithm", Algorithm)
def test_digests(algorithm: Algorithm) -> None:
    assert algorithm.digest("abc") == ABC[algorithm]
    assert len(ABC[algorithm]) == algorithm.digits


def test_octets_of_the_wire_are_hashed_as_they_were() -> None:
    wire = b"\xff\xc3\xa9"
    text = wire.decode("utf-8", "surrogateescape")
    assert Algorithm.SHA_256.digest(text) == hashlib.sha256(wire).hexdigest()


@pytest.mark.parametrize("available", [set[str](), {"sha512_256"}])
def test_sha_512_256_with_and_without_hashlib(available: set[str]) -> None:
    assert choose_sha_512_256(available)(b"abc") == ABC[Algorithm.SHA_512_256]


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [
        ("", Algorithm.MD5),
        ("md5", Algorithm.MD5),
        ("Sha-256", Algorithm.SHA_256),
        ("SHA-512-256", Algorithm.SHA_512_256),
        ("MD5-sess", None),
        ("SHA-1", None),
    ],
)
def test_names(name: str, algorithm: Algorithm | None) -> None:
    assert find_algorithm(name) is algorithm


def test_without_qop_as_in_rfc_2069() -> None:
    ha1 = make_ha1(Algorithm.MD5, "bob", "biloxi.com", "zanzibar")
    response = make_response(
        Algorithm.MD5,
        ha1,
        method="INVITE",
        uri="sip:bob@biloxi.com",
        nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093",
    )
    # Computed with openssl.
    assert response == "bf57e4e0d0bffc0fbaedce64d59add5e"
