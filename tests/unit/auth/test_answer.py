import pytest
from tests.unit.auth.support import (
    ALICE,
    REALM,
    answered,
    challenged,
    credentials_of,
    phone,
    request,
    server,
    with_headers,
)

from ringway.auth import (
    Account,
    Algorithm,
    Answerer,
    Challenger,
    Known,
    make_ha1,
    make_response,
    parse_credentials,
)
from ringway.message import Request, Response, build_response


def refusal(sent: Request, *challenges: str, status: int = 401) -> Response:
    name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
    return build_response(sent, status, headers=[(name, each) for each in challenges])


def challenge(realm: str = REALM, nonce: str = "n", **params: str) -> str:
    more = "".join(f", {name}={value}" for name, value in params.items())
    return f'Digest realm="{realm}", nonce="{nonce}"{more}'


SHA = challenge(algorithm="SHA-256", qop='"auth"')
MD5 = challenge(algorithm="MD5", qop='"auth"')


class TestAnswer:
    def test_an_answer(self) -> None:
        sent = request("INVITE", "sip:bob@example.com")
        text = challenge(algorithm="SHA-256", qop='"auth,auth-int"', opaque='""')
        ((name, value),) = phone().answer(sent, refusal(sent, text, status=407))
        assert name == "Proxy-Authorization"
        found = parse_credentials(value)
        assert found is not None
        assert (found.username, found.realm, found.nonce) == ("alice", REALM, "n")
        assert (found.uri, found.algorithm, found.qop) == ("sip:bob@example.com", "SHA-256", "auth")
        assert (found.nc, found.cnonce, found.opaque) == ("00000001", "cnonce1", "")
        assert found.response == make_response(
            Algorithm.SHA_256,
            ALICE.hashes[Algorithm.SHA_256],
            method="INVITE",
            uri="sip:bob@example.com",
            nonce="n",
            nc="00000001",
            cnonce="cnonce1",
            qop="auth",
        )

    def test_without_qop_as_in_rfc_2069(self) -> None:
        sent = request()
        ((_, value),) = phone().answer(sent, refusal(sent, challenge()))
        found = parse_credentials(value)
        assert found is not None
        assert (found.qop, found.nc, found.cnonce, found.algorithm) == ("", "", "", "")
        assert found.opaque is None
        assert found.response == make_response(
            Algorithm.MD5,
            ALICE.hashes[Algorithm.MD5],
            method="REGISTER",
            uri="sip:example.com",
            nonce="n",
        )

    @pytest.mark.parametrize(
        ("challenges", "algorithm"),
        [
            ([SHA, MD5], "SHA-256"),
            ([MD5, SHA], "MD5"),
            ([challenge(algorithm="SHA-1", qop='"auth"'), MD5, SHA], "MD5"),
            ([challenge(algorithm="SHA-256", qop='"auth-int"'), MD5], "MD5"),
            (["Basic realm=x", 'Digest realm="', MD5], "MD5"),
            ([challenge(algorithm="MD5-sess", qop='"auth"'), SHA], "SHA-256"),
        ],
    )
    def test_the_topmost_that_is_understood(self, challenges: list[str], algorithm: str) -> None:
        sent = request()
        ((_, value),) = phone().answer(sent, refusal(sent, *challenges))
        assert f"algorithm={algorithm}," in value

    def test_no_weaker_one_than_is_allowed(self) -> None:
        who = Answerer([Account("alice", "secret")], lambda: "c", [Algorithm.SHA_256])
        sent = request()
        assert who.answer(sent, refusal(sent, MD5)) == ()
        assert "SHA-256" in who.answer(sent, refusal(sent, MD5, SHA))[0][1]

    @pytest.mark.parametrize(
        "text",
        ["Basic realm=x", "Digest", challenge("example.org"), challenge(algorithm="X")],
    )
    def test_nothing_to_answer(self, text: str) -> None:
        sent = request()
        who = phone(Account("alice", "secret", REALM))
        assert who.answer(sent, refusal(sent, text)) == ()

    def test_the_account_of_the_realm(self) -> None:
        who = phone(
            Account("any", "x"), Account("alice", "secret", REALM), Account("other", "x", REALM)
        )
        sent = request()
        answers = who.answer(sent, refusal(sent, SHA, challenge("example.org")))
        assert ['username="alice"' in answers[0][1], 'username="any"' in answers[1][1]] == [
            True,
            True,
        ]

    def test_passwords_are_not_shown(self) -> None:
        assert "secret" not in repr(Account("alice", "secret"))


class TestChallengers:
    """Who may have an answer from the account without a realm."""

    def test_a_stranger_gets_none(self) -> None:
        sent = request("INVITE", "sip:bob@example.com")
        assert not phone().answer(sent, refusal(sent, SHA), Challenger.STRANGER)

    def test_but_from_the_account_of_its_realm(self) -> None:
        sent = request("INVITE", "sip:bob@example.com")
        named = phone(Account("alice", "secret", REALM))
        assert named.answer(sent, refusal(sent, SHA), Challenger.STRANGER)

    def test_once_the_registrar_has_named_its_realm_no_other_gets_one(self) -> None:
        sent = request("INVITE", "sip:bob@example.com")
        alice = phone()
        other = refusal(sent, challenge("elsewhere.example", qop='"auth"'))
        assert alice.answer(sent, other)
        assert alice.answer(sent, refusal(sent, SHA), Challenger.REGISTRAR)
        assert not alice.answer(sent, other)
        assert alice.answer(sent, refusal(sent, SHA))
        assert alice.answer(sent, other, Challenger.REGISTRAR)
        assert alice.answer(sent, other)

    def test_a_registrar_with_endless_realms(self) -> None:
        sent = request("REGISTER", "sip:example.com")
        alice = phone()
        for number in range(40):
            again = refusal(sent, challenge(f"r{number}", qop='"auth"'))
            assert alice.answer(sent, again, Challenger.REGISTRAR)
        assert not alice.answer(sent, refusal(sent, challenge("r39", qop='"auth"')))


class TestAgain:
    def test_rejected_credentials_are_not_tried_again(self) -> None:
        auth, who = server(), phone(Account("alice", "wrong"))
        sent = answered(auth, who=who)
        verdict = challenged(auth.check(sent, 0.0, proxy=False))
        refused = build_response(sent, verdict.status, headers=verdict.headers)
        assert who.answer(sent, refused) == ()
        assert who.again(request(), sent) == ()

    def test_unless_the_nonce_was_stale(self) -> None:
        who = phone()
        sent = with_headers(request(), who.answer(request(), refusal(request(), SHA)))
        text = challenge(nonce="fresh", algorithm="SHA-256", qop='"auth"', stale="true")
        ((_, value),) = who.answer(sent, refusal(sent, text))
        assert 'nonce="fresh"' in value
        assert "nc=00000001" in value

    def test_requests_of_a_nonce_are_counted(self) -> None:
        who = phone()
        sent = with_headers(request(), who.answer(request(), refusal(request(), SHA)))
        for count in range(2, 20):
            sent = with_headers(request(), who.again(request(), sent))
            found = credentials_of(sent)
            assert (found.count, found.cnonce) == (count, f"cnonce{count}")

    def test_a_second_challenger_sees_the_answer_to_the_first_as_well(self) -> None:
        who = phone()
        sent = request("INVITE", "sip:bob@example.com")
        sent = with_headers(sent, who.answer(sent, refusal(sent, SHA, status=407)))
        answers = who.answer(sent, refusal(sent, challenge("example.org", qop='"auth"')))
        assert [name for name, _ in answers] == ["Proxy-Authorization", "Authorization"]
        assert f'realm="{REALM}"' in answers[0][1]
        assert "nc=00000002" in answers[0][1]
        sent = with_headers(sent, answers)
        assert [name for name, _ in who.again(sent, sent)] == [
            "Authorization",
            "Proxy-Authorization",
        ]

    def test_only_realms_of_the_earlier_request(self) -> None:
        who = phone()
        sent = with_headers(request(), who.answer(request(), refusal(request(), SHA)))
        who.answer(request(), refusal(request(), challenge("example.org")))
        assert len(who.again(request(), sent)) == 1
        assert who.again(request(), request()) == ()
        other = with_headers(request(), (("Authorization", "Bearer x"),))
        assert who.again(request(), other) == ()

    def test_invented_realms_do_not_pile_up(self) -> None:
        who = phone()
        for number in range(100):
            who.answer(request(), refusal(request(), challenge(f"r{number}")))
        assert len(who._sessions) == 32
        assert ("Authorization", "r99") in who._sessions


def test_server_and_client_agree_on_a_name_with_quotes() -> None:
    name = 'a"b\\c, d'
    auth = server()
    user = type(ALICE)(name, REALM, {each: make_ha1(each, name, REALM, "x") for each in Algorithm})
    auth.users = type(auth.users)([user])
    sent = answered(auth, who=phone(Account(name, "x")))
    assert auth.check(sent, 0.0, proxy=False) == Known(user)
