"""What an edge learns of credentials from its registrar's answer."""

import pytest
from tests.harness import make_request

from ringway.endpoint.gate import Proof
from ringway.message import build_response
from ringway.proxy.proof import shown_by

CHALLENGE = 'Digest realm="x", nonce="n", algorithm=MD5, qop="auth"'


@pytest.mark.parametrize(
    ("method", "header", "status", "challenges", "proof"),
    [
        ("REGISTER", "Authorization", 200, [], Proof.RIGHT),
        ("REGISTER", "Proxy-Authorization", 200, [], Proof.UNCHECKED),
        ("REGISTER", "Subject", 200, [], Proof.UNCHECKED),
        ("INVITE", "Authorization", 200, [], Proof.UNCHECKED),
        ("REGISTER", "Authorization", 403, [], Proof.UNCHECKED),
        ("REGISTER", "Authorization", 401, [CHALLENGE], Proof.UNCHECKED),
        ("REGISTER", "Authorization", 401, [f"{CHALLENGE}, stale=true"], Proof.LACKING),
        (
            "REGISTER",
            "Authorization",
            401,
            ["Basic x", f'{CHALLENGE}, stale="TRUE"'],
            Proof.LACKING,
        ),
        ("REGISTER", "Authorization", 401, ["Digest stale=true", "Digest ,"], Proof.UNCHECKED),
        ("REGISTER", "Authorization", 407, [f"{CHALLENGE}, stale=true"], Proof.UNCHECKED),
    ],
)
def test_what_is_shown(
    method: str, header: str, status: int, challenges: list[str], proof: Proof
) -> None:
    request = make_request(method, "sip:x", headers=[(header, "Digest y")])
    fields = [("WWW-Authenticate", value) for value in challenges]
    assert shown_by(request, build_response(request, status, headers=fields)) is proof
