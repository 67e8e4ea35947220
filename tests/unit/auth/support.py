"""A server that challenges and a phone that answers, with nothing in between."""

from itertools import count

from ringway.auth import (
    Account,
    Answerer,
    Authenticator,
    AuthSettings,
    Challenge,
    Credentials,
    Users,
    Verdict,
    make_user,
    parse_challenge,
    parse_credentials,
)
from ringway.message import Request, Response, build_request, build_response

REALM = "example.com"
KEY = bytes(range(32))
ALICE = make_user("alice", REALM, "secret")
BOB = make_user("bob", REALM, "other")


def request(
    method: str = "REGISTER",
    uri: str = "sip:example.com",
    *headers: tuple[str, str],
    from_: str = "<sip:alice@example.com>;tag=1",
    to: str = "<sip:alice@example.com>",
) -> Request:
    return build_request(method, uri, from_=from_, to=to, call_id="x", cseq=1, headers=headers)


def server(settings: AuthSettings | None = None, *realms: str) -> Authenticator:
    return Authenticator(
        Users([ALICE, BOB]), realms or (REALM,), settings or AuthSettings(), key=KEY
    )


def phone(*accounts: Account) -> Answerer:
    numbers = count(1)
    return Answerer(accounts or (Account("alice", "secret"),), lambda: f"cnonce{next(numbers)}")


def with_headers(request: Request, headers: tuple[tuple[str, str], ...]) -> Request:
    """The request with these credentials instead of its own."""
    draft = request.edit()
    for name in ("Authorization", "Proxy-Authorization"):
        draft.remove(name)
    for name, value in headers:
        draft.append(name, value)
    return draft.build()


def response(request: Request, challenge: Challenge) -> Response:
    return build_response(request, challenge.status, headers=challenge.headers)


def challenged(verdict: Verdict) -> Challenge:
    assert isinstance(verdict, Challenge), verdict
    return verdict


def nonce_of(verdict: Verdict) -> str:
    challenge = parse_challenge(challenged(verdict).headers[0][1])
    assert challenge is not None
    return challenge.nonce


def credentials_of(request: Request) -> Credentials:
    for name in ("authorization", "proxy-authorization"):
        for value in request.values(name):
            found = parse_credentials(value)
            assert found is not None
            return found
    raise AssertionError("no credentials")


def answered(
    auth: Authenticator,
    plain: Request | None = None,
    *,
    who: Answerer | None = None,
    now: float = 0.0,
    proxy: bool = False,
    source: str = "",
) -> Request:
    """The request with the right answer to a fresh challenge."""
    plain = plain or request()
    challenge = challenged(auth.check(plain, now, proxy=proxy, source=source))
    headers = (who or phone()).answer(plain, response(plain, challenge))
    assert headers
    return with_headers(plain, headers)
