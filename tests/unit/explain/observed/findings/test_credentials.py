"""Digest credentials and challenges, as they stand in headers."""

from __future__ import annotations

import pytest
from tests.unit.explain.observed.findings.looking import AOR
from tests.unit.explain.observed.support import Headers, Scene

from ringway.explain.observed.findings.credentials import (
    Challenge,
    Credentials,
    challenges_of,
    credentials_of,
)
from ringway.message import Request


def message(*headers: tuple[str, str]) -> Request:
    found: Headers = headers
    seen = Scene().request("alice", "bob", "INVITE", AOR, headers=found)
    assert isinstance(seen.message, Request)
    return seen.message


FULL = 'Digest username="a", realm="r", nonce="n", algorithm=sha-256, response="0"'


def test_credentials() -> None:
    found = credentials_of(message(("Proxy-Authorization", FULL), ("Authorization", FULL)))
    assert found == [
        Credentials("Authorization", "r", "a", "n", "SHA-256"),
        Credentials("Proxy-Authorization", "r", "a", "n", "SHA-256"),
    ]
    assert [each.for_proxy for each in found] == [False, True]


def test_challenges() -> None:
    found = challenges_of(
        message(
            ("Proxy-Authenticate", 'Digest realm="p", nonce="1", stale=TRUE'),
            ("WWW-Authenticate", 'Digest realm="r", nonce="2", algorithm=SHA-256'),
            ("WWW-Authenticate", 'Digest realm="r", nonce="2", stale=false'),
        )
    )
    assert found == [
        Challenge("r", "2", "SHA-256", stale=False, for_proxy=False),
        Challenge("r", "2", "MD5", stale=False, for_proxy=False),
        Challenge("p", "1", "MD5", stale=True, for_proxy=True),
    ]


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Digest",
        'Digest realm="r"',
        'Digest nonce="n"',
        'Digest realm="", nonce="n"',
        'Basic realm="r", nonce="n"',
        'realm="r", nonce="n"',
    ],
)
def test_what_is_neither(value: str) -> None:
    assert credentials_of(message(("Authorization", value))) == []
    assert challenges_of(message(("WWW-Authenticate", value))) == []


@pytest.mark.parametrize(
    "value",
    [
        'digest REALM="r",NONCE="n"',
        "Digest realm=r , nonce=n",
        'Digest uri="a,realm=x", realm="r", nonce="n"',
    ],
)
def test_ways_to_write_it(value: str) -> None:
    (found,) = challenges_of(message(("WWW-Authenticate", value)))
    assert (found.realm, found.nonce) == ("r", "n")


def test_nobody_is_named() -> None:
    (found,) = credentials_of(message(("Authorization", 'Digest realm="r", nonce="n"')))
    assert found.username == ""
