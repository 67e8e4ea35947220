"""Fuzzes digest: only its own errors, what is read is written the same, and nobody gets in.

python -m tests.fuzz.fuzz_digest [CORPUS...]      with atheris installed
python -m tests.fuzz.fuzz_digest FILE...          without: runs the files once
"""

from tests.fuzz.target import run_target

from ringway.auth import (
    Account,
    Answerer,
    Authenticator,
    AuthSettings,
    Challenge,
    Refused,
    Users,
    make_user,
    parse_challenge,
    parse_credentials,
)
from ringway.errors import ParseError
from ringway.message import build_request, build_response

REALM = "example.com"
URI = "sip:example.com"
SETTINGS = AuthSettings(allow_without_qop=True)
USERS = Users([make_user("alice", REALM, "a password that no input has")])
NAMES = ("Authorization", "Proxy-Authorization", "WWW-Authenticate", "Proxy-Authenticate")


def check(data: bytes) -> None:
    """Run one input: its first byte says which header it is, the rest is the value."""
    if not data:
        return
    proxy, client = bool(data[0] & 1), bool(data[0] & 2)
    text = data[1:].decode("utf-8", "surrogateescape")
    if any(char in text for char in "\r\n\0"):
        return
    check_value(text.strip(" \t"))
    name = NAMES[proxy + 2 * client]
    if client:
        check_client(name, text, 407 if proxy else 401)
    else:
        check_server(name, text, proxy=proxy)


def check_value(text: str) -> None:
    """What can be read means the same when it is written again."""
    for parse in (parse_challenge, parse_credentials):
        try:
            value = parse(text)
        except ParseError:
            continue
        if value is not None and parse(str(value)) != value:
            raise AssertionError("what was read is written differently")


def check_server(name: str, text: str, *, proxy: bool) -> None:
    """No credentials let anybody in who does not know the password, or leave anything behind."""
    auth = Authenticator(USERS, [REALM], SETTINGS, key=bytes(32))
    request = build_request(
        "REGISTER",
        URI,
        from_="<sip:alice@example.com>;tag=1",
        to="<sip:alice@example.com>",
        call_id="x",
        cseq=1,
        headers=[(name, text)],
    )
    verdict = auth.check(request, 0.0, proxy=proxy)
    if auth.nonces_in_use:
        raise AssertionError("something was left behind")
    match verdict:
        case Challenge(status, headers, stale=False):
            build_response(request, status, headers=headers).to_bytes()
        case Refused(status):
            build_response(request, status).to_bytes()
        case _:
            raise AssertionError("somebody without the password got in")


def check_client(name: str, text: str, status: int) -> None:
    """Any challenge is answered with credentials that can be read, or not at all."""
    phone = Answerer([Account("alice", "secret")], lambda: "c")
    request = build_request(
        "INVITE", URI, from_="<sip:a@b>;tag=1", to="<sip:c@d>", call_id="x", cseq=1
    )
    response = build_response(request, status, headers=[(name, text)])
    for header, value in phone.answer(request, response):
        credentials = parse_credentials(value)
        if header not in NAMES[:2] or credentials is None or credentials.username != "alice":
            raise AssertionError("an answer that is none")


if __name__ == "__main__":
    run_target(check)
