"""RFC 7616: digest, with the examples of §3.9 at both ends."""

import hashlib
from dataclasses import replace

import pytest
from tests.unit.auth.support import (
    ALICE,
    REALM,
    answered,
    challenged,
    credentials_of,
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
    AuthSettings,
    Challenge,
    Credentials,
    Known,
    Refused,
    make_ha1,
    make_response,
    parse_challenge,
    parse_credentials,
)
from ringway.message import Request, build_response

NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
OPAQUE = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
RESPONSES = {
    "MD5": "8ca523f5e9506fed4657c9700eebdbec",
    "SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
}


def get(uri: str) -> Request:
    """The request of the examples, as far as digest sees it."""
    return request("GET", uri)


class TestSection3_3:
    """The challenge."""

    @pytest.mark.clause("RFC7616 3.3")
    def test_realm_nonce_and_qop_are_quoted_and_stale_and_algorithm_are_not(self) -> None:
        auth = server(AuthSettings(nonce_life=1.0))
        verdict = challenged(auth.check(answered(auth), 2.0, proxy=False))
        for _, value in verdict.headers:
            parsed = parse_challenge(value)
            assert parsed is not None
            assert value == (
                f'Digest realm="{REALM}", nonce="{parsed.nonce}", stale=true, '
                f'algorithm={parsed.algorithm}, qop="auth"'
            )

    @pytest.mark.clause("RFC7616 3.3")
    def test_stale_only_if_the_response_was_right_for_the_nonce(self) -> None:
        auth = server(AuthSettings(nonce_life=1.0))
        right = answered(auth)
        wrong = answered(auth, who=phone(Account("alice", "guess")))
        assert challenged(auth.check(right, 2.0, proxy=False)).stale
        assert not challenged(auth.check(wrong, 2.0, proxy=False)).stale
        assert not challenged(auth.check(wrong, 0.0, proxy=False)).stale

    @pytest.mark.clause("RFC7616 3.3")
    def test_no_algorithm_means_md5(self) -> None:
        challenge = parse_challenge('Digest realm="r", nonce="n"')
        assert challenge is not None
        assert challenge.known_algorithm is Algorithm.MD5

    @pytest.mark.clause("RFC7616 3.3")
    def test_userhash_is_not_offered_so_a_hashed_name_is_nobody(self) -> None:
        auth = server()
        sent = answered(auth)
        hashed = Algorithm.SHA_256.digest(f"alice:{REALM}")
        text = f"{replace(credentials_of(sent), username=hashed)}, userhash=true"
        verdict = challenged(
            auth.check(with_headers(sent, (("Authorization", text),)), 0.0, proxy=False)
        )
        assert not verdict.stale
        assert not any("userhash" in value for _, value in verdict.headers)


class TestSection3_4:
    """The response."""

    @pytest.mark.clause("RFC7616 3.4")
    def test_a_count_that_was_seen_is_a_replay(self) -> None:
        auth = server()
        sent = answered(auth)
        assert auth.check(sent, 0.0, proxy=False) == Known(ALICE)
        assert isinstance(auth.check(sent, 0.0, proxy=False), Challenge)

    @pytest.mark.clause("RFC7616 3.4")
    @pytest.mark.parametrize("missing", ["username", "uri", "nc", "cnonce", "qop"])
    def test_what_is_missing_makes_it_a_4xx(self, missing: str) -> None:
        auth = server()
        sent = answered(auth)
        text = str(replace(credentials_of(sent), **{missing: ""}))
        verdict = auth.check(with_headers(sent, (("Authorization", text),)), 0.0, proxy=False)
        assert isinstance(verdict, Refused)
        assert verdict.status == 400

    @pytest.mark.clause("RFC7616 3.4.5")
    def test_quotes_are_no_part_of_a_value(self) -> None:
        assert parse_credentials('Digest username="a\\"\\\\b", realm=r') == Credentials(
            'a"\\b', "r", "", "", ""
        )

    @pytest.mark.clause("RFC7616 3.4.6")
    def test_the_uri_is_that_of_the_request(self) -> None:
        auth = server()
        sent = answered(auth, request("INVITE", "sip:bob@example.com"))
        other = with_headers(
            request("INVITE", "sip:premium@example.com"),
            (("Authorization", str(credentials_of(sent))),),
        )
        assert auth.check(other, 0.0, proxy=False) == Refused(
            400, "credentials for another Request-URI"
        )

    @pytest.mark.clause("RFC7616 3.4.6")
    def test_the_method_is_that_of_the_request(self) -> None:
        auth = server()
        sent = answered(auth, request("MESSAGE", "sip:bob@example.com"))
        other = with_headers(
            request("INVITE", "sip:bob@example.com"),
            (("Authorization", str(credentials_of(sent))),),
        )
        assert not challenged(auth.check(other, 0.0, proxy=False)).stale


class TestSection3_7:
    @pytest.mark.clause("RFC7616 3.7")
    def test_the_server_offers_and_the_client_takes_the_first_it_has(self) -> None:
        auth = server()
        plain = request()
        verdict = challenged(auth.check(plain, 0.0, proxy=False))
        for supported, taken in (
            (list(Algorithm), Algorithm.SHA_256),
            ([Algorithm.MD5, Algorithm.SHA_512_256], Algorithm.SHA_512_256),
            ([Algorithm.MD5], Algorithm.MD5),
        ):
            who = Answerer([Account("alice", "secret")], lambda: "c", supported)
            sent = with_headers(plain, who.answer(plain, response(plain, verdict)))
            assert credentials_of(sent).known_algorithm is taken


class TestSection3_9_1:
    """The example with SHA-256 and MD5."""

    @pytest.mark.clause("RFC7616 3.9.1")
    @pytest.mark.parametrize("name", ["MD5", "SHA-256"])
    def test_the_client_answers_as_printed(self, name: str) -> None:
        challenges = [
            (
                "WWW-Authenticate",
                (
                    'Digest realm="http-auth@example.org", qop="auth, auth-int", '
                    f'algorithm={each}, nonce="{NONCE}", opaque="{OPAQUE}"'
                ),
            )
            for each in ("SHA-256", "MD5")
        ]
        plain = get("/dir/index.html")
        who = Answerer([Account("Mufasa", "Circle of Life")], lambda: CNONCE, [Algorithm(name)])
        ((header, value),) = who.answer(plain, build_response(plain, 401, headers=challenges))
        assert header == "Authorization"
        assert parse_credentials(value) == Credentials(
            "Mufasa",
            "http-auth@example.org",
            NONCE,
            "/dir/index.html",
            RESPONSES[name],
            name,
            "auth",
            "00000001",
            CNONCE,
            OPAQUE,
        )


class TestSection3_9_2:
    """The example with SHA-512-256.

    What is printed was computed with SHA-512 cut to 256 bits, which is another function; the
    report of that is erratum 4897. So both are shown: that we would get the printed values with
    the function that was used, and which ones we get.
    """

    NAME, REALM, PASSWORD = "Jäsøn Doe", "api@example.org", "Secret, or not?"
    PRINTED_USERHASH = "488869477bf257147b804c45308cd62ac4e25eb717b12b298c79e62dcea254ec"
    PRINTED = "ae66e67d6b427bd3f120414a82e4acff38e8ecd9101d6c861229025f607a79dd"
    NONCE = "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK"
    CNONCE = "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v"

    def cut(self, text: str) -> str:
        return hashlib.sha512(text.encode()).hexdigest()[:64]

    def response(self) -> str:
        return make_response(
            Algorithm.SHA_512_256,
            make_ha1(Algorithm.SHA_512_256, self.NAME, self.REALM, self.PASSWORD),
            method="GET",
            uri="/doe.json",
            nonce=self.NONCE,
            nc="00000001",
            cnonce=self.CNONCE,
            qop="auth",
        )

    @pytest.mark.clause("RFC7616 3.9.2")
    def test_the_printed_values_with_the_other_function(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Algorithm, "digest", lambda _, text: self.cut(text))
        assert Algorithm.SHA_512_256.digest(f"{self.NAME}:{self.REALM}") == self.PRINTED_USERHASH
        assert self.response() == self.PRINTED

    @pytest.mark.clause("RFC7616 3.9.2")
    def test_the_values_of_the_erratum(self) -> None:
        assert Algorithm.SHA_512_256.digest(f"{self.NAME}:{self.REALM}") == (
            "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b"
        )
        assert self.response() == (
            "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"
        )
