import unicodedata
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.auth.support import (
    ALICE,
    BOB,
    KEY,
    REALM,
    answered,
    challenged,
    credentials_of,
    nonce_of,
    phone,
    request,
    response,
    server,
    with_headers,
)

from ringway.auth import (
    Account,
    Algorithm,
    Answerer,
    Authenticator,
    AuthSettings,
    Challenge,
    Credentials,
    Exempt,
    Known,
    NonceState,
    Refused,
    User,
    Users,
    Why,
    authenticator,
    make_response,
    make_user,
    parse_challenge,
)
from ringway.errors import ParseError
from ringway.message import Request

Change = Callable[[Credentials], Credentials]

NAME = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters=":"), min_size=1)
# Phones are expected to send composed characters (RFC 7616 §4).
PASSWORD = st.text(st.characters(exclude_categories=["Cs"])).map(
    lambda text: unicodedata.normalize("NFC", text)
)


def changed(sent: Request, change: Change) -> Request:
    """The request with changed credentials, whose response is right for what they say."""
    found = change(credentials_of(sent))
    algorithm = found.known_algorithm
    assert algorithm is not None
    right = make_response(
        algorithm,
        ALICE.hashes[algorithm],
        method=sent.method,
        uri=found.uri,
        nonce=found.nonce,
        nc=found.nc,
        cnonce=found.cnonce,
        qop=found.qop,
    )
    return with_headers(sent, (("Authorization", str(replace(found, response=right))),))


class TestChallenge:
    def test_of_a_registrar(self) -> None:
        verdict = challenged(server().check(request(), 0.0, proxy=False))
        assert (verdict.status, verdict.stale, verdict.why) == (401, False, Why.NO_CREDENTIALS)
        assert [name for name, _ in verdict.headers] == ["WWW-Authenticate"] * 3
        challenges = [parse_challenge(value) for _, value in verdict.headers]
        assert [each and each.algorithm for each in challenges] == ["SHA-256", "SHA-512-256", "MD5"]
        for each in challenges:
            assert each is not None
            assert (each.realm, each.qop, each.stale, each.opaque) == (
                REALM,
                ("auth",),
                False,
                None,
            )

    @pytest.mark.parametrize(
        ("agent", "algorithms", "offered"),
        [
            ("baresip v1.0.0 (x86_64/linux)", tuple(Algorithm), ["MD5"]),
            ("baresip v10", tuple(Algorithm), ["SHA-256", "SHA-512-256", "MD5"]),
            ("not a baresip v1.0.0", tuple(Algorithm), ["SHA-256", "SHA-512-256", "MD5"]),
            ("", tuple(Algorithm), ["SHA-256", "SHA-512-256", "MD5"]),
            ("baresip v1.0.0 (x86_64/linux)", (Algorithm.SHA_256,), ["SHA-256"]),
        ],
    )
    def test_of_a_phone_that_takes_md5_alone(
        self, agent: str, algorithms: tuple[Algorithm, ...], offered: list[str]
    ) -> None:
        settings = AuthSettings(algorithms, md5_only=("baresip v0.", "baresip v1."))
        headers = [("User-Agent", agent)] if agent else []
        sent = request("REGISTER", "sip:example.com", *headers)
        verdict = challenged(server(settings).check(sent, 0.0, proxy=False))
        challenges = [parse_challenge(value) for _, value in verdict.headers]
        assert [each and each.algorithm for each in challenges] == offered

    def test_of_a_proxy(self) -> None:
        verdict = challenged(server().check(request("INVITE"), 0.0, proxy=True))
        assert verdict.status == 407
        assert {name for name, _ in verdict.headers} == {"Proxy-Authenticate"}

    def test_only_what_is_set_is_offered(self) -> None:
        settings = AuthSettings(algorithms=(Algorithm.MD5, Algorithm.SHA_512_256))
        verdict = challenged(server(settings).check(request(), 0.0, proxy=False))
        names = [value.partition("algorithm=")[2].partition(",")[0] for _, value in verdict.headers]
        assert names == ["MD5", "SHA-512-256"]

    def test_it_is_small(self) -> None:
        # What an unauthenticated datagram is answered with is sent to whoever it names.
        verdict = challenged(server().check(request(), 0.0, proxy=False))
        assert sum(len(name) + len(value) + 4 for name, value in verdict.headers) < 420

    def test_challenges_leave_nothing_behind(self) -> None:
        auth = server()
        for _ in range(100):
            auth.check(request(), 0.0, proxy=False)
        assert auth.nonces_in_use == 0

    @pytest.mark.parametrize("method", ["ACK", "CANCEL"])
    def test_ack_and_cancel_never(self, method: str) -> None:
        auth = server()
        assert auth.check(request(method), 0.0, proxy=True) == Exempt()
        sent = answered(auth, request("INVITE"), proxy=True)
        assert auth.check(sent, 0.0, proxy=True) == Known(ALICE)
        again = with_headers(request(method), (("Proxy-Authorization", str(credentials_of(sent))),))
        assert auth.check(again, 0.0, proxy=True) == Exempt()


class TestKnown:
    @pytest.mark.parametrize("algorithm", Algorithm)
    @pytest.mark.parametrize("proxy", [False, True])
    def test_with_each_algorithm(self, algorithm: Algorithm, proxy: bool) -> None:
        auth = server()
        who = Answerer([Account("alice", "secret")], lambda: "c", [algorithm])
        sent = answered(auth, who=who, proxy=proxy)
        assert credentials_of(sent).known_algorithm is algorithm
        assert auth.check(sent, 1.0, proxy=proxy) == Known(ALICE)

    def test_many_requests_with_one_nonce(self) -> None:
        auth, who = server(), phone()
        sent = answered(auth, who=who)
        assert auth.check(sent, 0.0, proxy=False) == Known(ALICE)
        for _ in range(100):
            sent = with_headers(request(), who.again(request(), sent))
            assert auth.check(sent, 0.0, proxy=False) == Known(ALICE)
        assert auth.nonces_in_use == 1

    def test_other_users_may_be_set(self) -> None:
        auth = server()
        sent = answered(auth)
        auth.users = Users([BOB])
        assert challenged(auth.check(sent, 0.0, proxy=False)).why is Why.WRONG

    def test_the_wrong_header_counts_for_nothing(self) -> None:
        auth = server()
        verdict = auth.check(answered(auth, proxy=True), 0.0, proxy=False)
        assert challenged(verdict).why is Why.NO_CREDENTIALS

    @settings(deadline=None)
    @given(NAME, PASSWORD)
    def test_any_name_and_password(self, name: str, password: str) -> None:
        user = make_user(name, REALM, password)
        auth = Authenticator(Users([user]), [REALM], AuthSettings(), key=KEY)
        sent = answered(auth, who=phone(Account(user.name, password)))
        assert auth.check(sent, 0.0, proxy=False) == Known(user)
        wrong = answered(auth, who=phone(Account(user.name, password + "x")))
        assert challenged(auth.check(wrong, 0.0, proxy=False)).why is Why.WRONG


class TestWrong:
    def answers(self, name: str, password: str) -> Challenge:
        auth = server()
        sent = answered(auth, who=phone(Account(name, password)))
        return challenged(auth.check(sent, 0.0, proxy=False))

    def test_unknown_user_and_wrong_password_look_the_same(self) -> None:
        wrong, unknown = self.answers("alice", "wrong"), self.answers("nobody", "secret")
        assert wrong == unknown
        assert (wrong.why, wrong.stale, wrong.status) == (Why.WRONG, False, 401)

    def test_and_cost_the_same(self, monkeypatch: pytest.MonkeyPatch) -> None:
        hashed: list[int] = []

        def respond(algorithm: Algorithm, ha1: str, **rest: str) -> str:
            hashed.append(len(ha1))
            return make_response(algorithm, ha1, **rest)

        decoys: list[str] = []
        decoy = Authenticator._decoy

        def derive(self: Authenticator, found: Credentials, algorithm: Algorithm) -> str:
            decoys.append(found.username)
            return decoy(self, found, algorithm)

        monkeypatch.setattr(authenticator, "make_response", respond)
        monkeypatch.setattr(Authenticator, "_decoy", derive)
        self.answers("alice", "wrong")
        self.answers("nobody", "secret")
        assert hashed == [64, 64]
        assert decoys == ["alice", "nobody"]

    @pytest.mark.parametrize("algorithm", Algorithm)
    @pytest.mark.parametrize("users", [Users(), Users([User("nobody", REALM, {})])])
    def test_the_decoy_lets_nobody_in(self, users: Users, algorithm: Algorithm) -> None:
        auth = server()
        auth.users = users
        sent = answered(auth, who=Answerer([Account("nobody", "")], lambda: "c", [algorithm]))
        found = credentials_of(sent)
        decoy = auth._decoy(found, algorithm)
        assert len(decoy) == algorithm.digits
        assert auth._decoy(replace(found, username="else"), algorithm) != decoy
        other = Authenticator(Users(), [REALM], AuthSettings(), key=bytes(32))
        assert other._decoy(found, algorithm) != decoy
        right = make_response(
            algorithm,
            decoy,
            method="REGISTER",
            uri=found.uri,
            nonce=found.nonce,
            nc=found.nc,
            cnonce=found.cnonce,
            qop=found.qop,
        )
        sent = with_headers(sent, (("Authorization", str(replace(found, response=right))),))
        assert challenged(auth.check(sent, 0.0, proxy=False)).why is Why.WRONG

    def test_a_user_without_that_hash(self) -> None:
        auth = server()
        auth.users = Users([User("alice", REALM, {Algorithm.MD5: ALICE.hashes[Algorithm.MD5]})])
        assert challenged(auth.check(answered(auth), 0.0, proxy=False)).why is Why.WRONG
        who = Answerer([Account("alice", "secret")], lambda: "c", [Algorithm.MD5])
        assert isinstance(auth.check(answered(auth, who=who), 0.0, proxy=False), Known)

    @pytest.mark.parametrize("text", ["0", "x" * 64, "é" * 64, "0" * 64, "0" * 32])
    def test_any_response(self, text: str) -> None:
        auth = server()
        found = replace(credentials_of(answered(auth)), response=text)
        sent = with_headers(request(), (("Authorization", str(found)),))
        assert challenged(auth.check(sent, 0.0, proxy=False)).why is Why.WRONG

    def test_it_uses_up_nothing(self) -> None:
        auth = server()
        sent = answered(auth)
        wrong = replace(credentials_of(sent), response="0" * 64)
        auth.check(with_headers(sent, (("Authorization", str(wrong)),)), 0.0, proxy=False)
        assert auth.nonces_in_use == 0
        assert auth.check(sent, 0.0, proxy=False) == Known(ALICE)

    @pytest.mark.parametrize("name", ["SHA-256-sess", "MD5-sess", "SHA-1"])
    def test_an_algorithm_nobody_offered(self, name: str) -> None:
        auth = server()
        found = replace(credentials_of(answered(auth)), algorithm=name)
        sent = with_headers(request(), (("Authorization", str(found)),))
        assert challenged(auth.check(sent, 0.0, proxy=False)).why is Why.ALGORITHM

    def test_an_algorithm_that_is_switched_off(self) -> None:
        auth = server(AuthSettings(algorithms=(Algorithm.SHA_256,)))
        sent = changed(answered(auth), lambda found: replace(found, algorithm=""))
        verdict = challenged(auth.check(sent, 0.0, proxy=False))
        assert (verdict.why, verdict.stale) == (Why.ALGORITHM, False)


class TestStale:
    """Only who knows the password is told that nothing but the nonce was wrong."""

    def test_too_old(self) -> None:
        auth = server(AuthSettings(nonce_life=60.0))
        sent = answered(auth)
        verdict = challenged(auth.check(sent, 61.0, proxy=False))
        assert (verdict.stale, verdict.why) == (True, Why.NONCE)
        assert verdict.nonce_state is NonceState.EXPIRED
        assert all(", stale=true," in value for _, value in verdict.headers)

    def test_not_with_a_wrong_password(self) -> None:
        auth = server()
        sent = answered(auth, who=phone(Account("alice", "wrong")))
        verdict = challenged(auth.check(sent, 1000.0, proxy=False))
        assert not verdict.stale
        assert verdict.nonce_state is None
        assert not any("stale" in value for _, value in verdict.headers)

    def test_of_the_process_before_a_restart(self) -> None:
        sent = answered(server())
        auth = Authenticator(Users([ALICE]), [REALM], AuthSettings(), key=bytes(32))
        verdict = challenged(auth.check(sent, 0.0, proxy=False))
        assert verdict.stale
        assert verdict.nonce_state is NonceState.FOREIGN

    def test_a_replay(self) -> None:
        auth = server()
        sent = answered(auth)
        assert auth.check(sent, 0.0, proxy=False) == Known(ALICE)
        verdict = challenged(auth.check(sent, 0.0, proxy=False))
        assert verdict.stale
        assert verdict.nonce_state is NonceState.USED

    def test_a_forgotten_nonce(self) -> None:
        auth = server(AuthSettings(nonces=1))
        sent = answered(auth)
        assert auth.check(sent, 0.0, proxy=False) == Known(ALICE)
        assert auth.check(answered(auth), 0.0, proxy=False) == Known(ALICE)
        verdict = challenged(auth.check(sent, 0.0, proxy=False))
        assert verdict.stale
        assert verdict.nonce_state is NonceState.FORGOTTEN

    def test_the_phone_gets_in_at_the_second_try(self) -> None:
        auth, who = server(), phone()
        sent = answered(auth, who=who)
        verdict = challenged(auth.check(sent, 1000.0, proxy=False))
        sent = with_headers(sent, who.answer(sent, response(sent, verdict)))
        assert auth.check(sent, 1000.0, proxy=False) == Known(ALICE)

    def test_from_another_address(self) -> None:
        auth = server(AuthSettings(bind_source=True))
        sent = answered(auth, source="192.0.2.1")
        verdict = challenged(auth.check(sent, 0.0, proxy=False, source="192.0.2.2"))
        assert verdict.stale
        assert auth.check(sent, 0.0, proxy=False, source="192.0.2.1") == Known(ALICE)

    def test_from_another_address_if_that_does_not_matter(self) -> None:
        auth = server()
        sent = answered(auth, source="192.0.2.1")
        assert auth.check(sent, 0.0, proxy=False, source="192.0.2.2") == Known(ALICE)


class TestRefused:
    @pytest.mark.parametrize(
        ("change", "why"),
        [
            (lambda found: replace(found, username=""), "credentials without username or uri"),
            (lambda found: replace(found, uri=""), "credentials without username or uri"),
            (lambda found: replace(found, qop="auth-int"), "a qop that was not offered"),
            (lambda found: replace(found, qop=""), "credentials without qop"),
            (
                lambda found: replace(found, nc=""),
                "qop without a nonce count of 8 digits, or without cnonce",
            ),
            (
                lambda found: replace(found, nc="1"),
                "qop without a nonce count of 8 digits, or without cnonce",
            ),
            (
                lambda found: replace(found, cnonce=""),
                "qop without a nonce count of 8 digits, or without cnonce",
            ),
            (
                lambda found: replace(found, uri="sip:example.org"),
                "credentials for another Request-URI",
            ),
        ],
    )
    def test_with_the_right_password(self, change: Change, why: str) -> None:
        auth = server()
        sent = changed(answered(auth), change)
        assert auth.check(sent, 0.0, proxy=False) == Refused(400, why)
        assert auth.nonces_in_use == 0

    def test_it_tells_nothing_of_users(self) -> None:
        auth = server()
        for name in ("alice", "nobody"):
            found = credentials_of(answered(auth, who=phone(Account(name, "x"))))
            sent = with_headers(request(), (("Authorization", str(replace(found, uri="sip:x"))),))
            assert auth.check(sent, 0.0, proxy=False) == Refused(
                400, "credentials for another Request-URI"
            )

    def test_what_cannot_be_read(self) -> None:
        sent = request("REGISTER", "sip:example.com", ("Authorization", 'Digest realm="'))
        assert server().check(sent, 0.0, proxy=False) == Refused(
            400, "authorization: not a parameter of digest"
        )

    def test_a_from_that_cannot_be_read(self) -> None:
        with pytest.raises(ParseError):
            server().check(request("INVITE", from_="<"), 0.0, proxy=True)


class TestWithoutQop:
    SETTINGS = AuthSettings(allow_without_qop=True)

    def plain(self, auth: Authenticator) -> Request:
        return changed(
            answered(auth), lambda found: replace(found, qop="", nc="", cnonce="", algorithm="")
        )

    def test_once_for_each_nonce(self) -> None:
        auth = server(self.SETTINGS)
        sent = self.plain(auth)
        assert auth.check(sent, 0.0, proxy=False) == Known(ALICE)
        verdict = challenged(auth.check(sent, 0.0, proxy=False))
        assert (verdict.stale, verdict.nonce_state) == (True, NonceState.USED)

    def test_not_after_that_nonce_was_counted(self) -> None:
        auth = server(self.SETTINGS)
        sent = answered(auth)
        assert auth.check(sent, 0.0, proxy=False) == Known(ALICE)
        without = changed(sent, lambda found: replace(found, qop="", nc="", cnonce=""))
        assert auth.check(without, 0.0, proxy=False) == Known(ALICE)
        assert challenged(auth.check(without, 0.0, proxy=False)).stale

    def test_a_count_that_nothing_protects_is_not_believed(self) -> None:
        auth = server(self.SETTINGS)
        sent = self.plain(auth)
        assert auth.check(sent, 0.0, proxy=False) == Known(ALICE)
        for nc in ("00000001", "00000002"):
            again = replace(credentials_of(sent), nc=nc, cnonce="c")
            verdict = auth.check(
                with_headers(sent, (("Authorization", str(again)),)), 0.0, proxy=False
            )
            assert challenged(verdict).nonce_state is NonceState.USED


class TestIntroduction:
    """Phones of some networks show who they are before they were challenged (RFC 8760 §2.7)."""

    @pytest.mark.parametrize(("nonce", "response"), [("", ""), ("x", ""), ("", "0" * 64)])
    def test_is_challenged(self, nonce: str, response: str) -> None:
        text = (
            f'Digest username="alice", realm="{REALM}", nonce="{nonce}", uri="sip:x", '
            f'response="{response}"'
        )
        sent = request("REGISTER", "sip:example.com", ("Authorization", text))
        verdict = challenged(server().check(sent, 0.0, proxy=False))
        assert verdict.why is Why.NO_CREDENTIALS


class TestUri:
    """What stands in the uri parameter of phones, and what in their request line."""

    def verdict(self, method: str, uri: str, said: str, **settings: bool) -> object:
        auth = server(AuthSettings(**settings))  # type: ignore[arg-type]
        sent = answered(auth, request(method, uri))
        return auth.check(changed(sent, lambda found: replace(found, uri=said)), 0.0, proxy=False)

    @pytest.mark.parametrize(
        ("method", "uri", "said"),
        [
            ("REGISTER", "sip:example.com", "sip:EXAMPLE.com"),
            ("REGISTER", "sip:example.com", "sip:example.com:5060"),
            ("REGISTER", "sip:example.com:5070", "sip:example.com"),
            ("REGISTER", "sip:example.com;transport=tcp", "sip:example.com"),
            ("REGISTER", "sip:example.com", "sip:alice@example.com"),
            ("REGISTER", "sip:alice@example.com", "sip:example.com"),
            ("INVITE", "sip:bob@example.com;user=phone", "sip:bob@example.com"),
            ("INVITE", "sip:b%6Fb@example.com", "sip:bob@example.com;transport=ws?x=y"),
            ("INVITE", "sip:bob@[2001:db8::1]", "sip:bob@[2001:DB8:0::1]"),
            ("INVITE", "tel:+1-201-555", "tel:+1201555"),
            ("INVITE", "urn:service:sos", "urn:service:sos"),
            ("INVITE", "not-a-uri-at-all", "not-a-uri-at-all"),
        ],
    )
    def test_the_same_place(self, method: str, uri: str, said: str) -> None:
        assert self.verdict(method, uri, said) == Known(ALICE)

    @pytest.mark.parametrize(
        ("method", "uri", "said"),
        [
            ("REGISTER", "sip:example.com", "sip:example.org"),
            ("REGISTER", "sip:example.com", "sips:example.com"),
            ("REGISTER", "sip:example.com:5060", "sip:example.com:5070"),
            ("INVITE", "sip:bob@example.com", "sip:carol@example.com"),
            ("INVITE", "sip:bob@example.com", "sip:Bob@example.com"),
            ("INVITE", "sip:bob@example.com", "sip:example.com"),
            ("INVITE", "sip:bob@example.com", "tel:+1"),
            ("INVITE", "sip:bob@example.com", "nonsense"),
            ("INVITE", "tel:+1201555", "tel:+1201556"),
            ("INVITE", "urn:service:sos", "urn:service:sos.fire"),
        ],
    )
    def test_another_place(self, method: str, uri: str, said: str) -> None:
        assert self.verdict(method, uri, said) == Refused(
            400, "credentials for another Request-URI"
        )
        assert self.verdict(method, uri, said, check_uri=False) == Known(ALICE)

    def test_a_request_uri_that_cannot_be_read(self) -> None:
        with pytest.raises(ParseError):
            self.verdict("INVITE", "nonsense", "sip:bob@example.com")


class TestRealms:
    def test_that_of_the_claimed_domain(self) -> None:
        auth = server(None, "example.com", "example.org")
        other = "<sip:alice@example.org>;tag=1"
        assert auth.realm_of(request("INVITE", from_=other)) == "example.org"
        assert auth.realm_of(request("REGISTER", from_=other)) == "example.com"
        assert auth.realm_of(request("REGISTER", to="<sip:a@example.org>")) == "example.org"
        assert auth.realm_of(request("INVITE", from_="<sip:a@elsewhere>")) == "example.com"
        assert auth.realm_of(request("INVITE", from_="<tel:+1>")) == "example.com"
        assert auth.realm_of(request("INVITE", from_="<sip:a@Example.ORG.>")) == "example.org"

    def test_a_user_of_one_is_nobody_in_the_other(self) -> None:
        auth = server(None, "example.com", "example.org")
        sent = answered(auth)
        verdict = challenged(auth.check(sent, 0.0, proxy=False, realm="example.org"))
        assert verdict.why is Why.NO_CREDENTIALS
        assert 'realm="example.org"' in verdict.headers[0][1]
        nonce = nonce_of(verdict)
        moved = changed(sent, lambda found: replace(found, nonce=nonce))
        assert challenged(auth.check(moved, 0.0, proxy=False)).nonce_state is NonceState.FOREIGN

    def test_ours_is_picked_from_several(self) -> None:
        auth = server()
        sent = answered(auth)
        ours = str(credentials_of(sent))
        others = (
            "Bearer abc",
            'Digest broken="',
            str(replace(credentials_of(sent), realm="example.org", response="0")),
            # One of our realm, for a proxy before us that has the same.
            str(replace(credentials_of(sent), nonce="other", response="0")),
        )
        lines = tuple(("Authorization", value) for value in (*others, ours))
        assert auth.check(with_headers(sent, lines), 0.0, proxy=False) == Known(ALICE)

    def test_without_a_nonce_of_ours_the_first_counts(self) -> None:
        old = answered(server())
        auth = Authenticator(Users([ALICE]), [REALM], AuthSettings(), key=bytes(32))
        lines = (
            ("Authorization", str(credentials_of(old))),
            ("Authorization", str(replace(credentials_of(old), response="0"))),
        )
        assert challenged(auth.check(with_headers(old, lines), 0.0, proxy=False)).stale

    def test_one_that_cannot_be_read_is_no_fault_beside_ours(self) -> None:
        old = answered(server())
        auth = Authenticator(Users([ALICE]), [REALM], AuthSettings(), key=bytes(32))
        lines = (
            ("Authorization", 'Digest broken="'),
            ("Authorization", str(credentials_of(old))),
        )
        assert challenged(auth.check(with_headers(old, lines), 0.0, proxy=False)).stale

    def test_broken_ones_of_others_do_not_matter(self) -> None:
        text = 'Digest realm="example.org", nc="1 2"'
        sent = request("REGISTER", "sip:example.com", ("Authorization", "Bearer x"))
        assert isinstance(server().check(sent, 0.0, proxy=False), Challenge)
        sent = answered(server())
        lines = (("Authorization", text), ("Authorization", str(credentials_of(sent))))
        assert server().check(with_headers(sent, lines), 0.0, proxy=False) == Known(ALICE)


class TestMaking:
    @pytest.mark.parametrize(
        ("realms", "offered", "key"),
        [
            ([], (Algorithm.MD5,), KEY),
            ([REALM], (), KEY),
            ([REALM], (Algorithm.MD5, Algorithm.MD5), KEY),
            ([REALM], (Algorithm.MD5,), b"short"),
        ],
    )
    def test_what_cannot_be(
        self, realms: list[str], offered: tuple[Algorithm, ...], key: bytes
    ) -> None:
        with pytest.raises(ValueError, match=r"no realm|no algorithm|a nonce key"):
            Authenticator(Users(), realms, AuthSettings(algorithms=offered), key=key)
