"""RFC 8760: digest in SIP with more algorithms than MD5."""

import re
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

from ringway.auth import Algorithm, AuthSettings, Challenge, Known, Refused, parse_challenge
from ringway.message import build_response


class TestSection2_2:
    @pytest.mark.clause("RFC8760 2.2")
    @pytest.mark.parametrize("algorithm", [Algorithm.SHA_256, Algorithm.SHA_512_256])
    def test_64_hexadecimal_digits(self, algorithm: Algorithm) -> None:
        assert re.fullmatch("[0-9a-f]{64}", algorithm.digest("x"))


class TestSection2_3:
    """The server's side."""

    @pytest.mark.clause("RFC8760 2.3")
    @pytest.mark.parametrize(("proxy", "status"), [(False, 401), (True, 407)])
    def test_one_field_for_each_algorithm_the_preferred_one_on_top(
        self, proxy: bool, status: int
    ) -> None:
        order = (Algorithm.SHA_512_256, Algorithm.MD5, Algorithm.SHA_256)
        plain = request()
        verdict = challenged(server(AuthSettings(algorithms=order)).check(plain, 0.0, proxy=proxy))
        sent = response(plain, verdict)
        assert sent.status == status
        name = "proxy-authenticate" if proxy else "www-authenticate"
        lines = [line for each, line in sent.lines() if each == name]
        challenges = [parse_challenge(value) for value in sent.values(name)]
        assert len(lines) == len(challenges) == 3
        assert [each and each.known_algorithm for each in challenges] == list(order)

    @pytest.mark.clause("RFC8760 2.3")
    @pytest.mark.parametrize("algorithm", Algorithm)
    def test_the_client_may_take_any_of_them(self, algorithm: Algorithm) -> None:
        auth = server()
        plain = request()
        verdict = challenged(auth.check(plain, 0.0, proxy=False))
        headers = [each for each in verdict.headers if f"algorithm={algorithm.value}," in each[1]]
        answers = phone().answer(plain, build_response(plain, 401, headers=headers))
        assert auth.check(with_headers(plain, answers), 0.0, proxy=False) == Known(ALICE)


class TestSection2_4:
    """The client's side."""

    @pytest.mark.clause("RFC8760 2.4")
    def test_the_topmost_it_supports(self) -> None:
        plain = request()
        headers = [
            ("WWW-Authenticate", f'Digest realm="{REALM}", nonce="n", algorithm={name}, qop="auth"')
            for name in ("SHA3-512", "SHA-512-256", "SHA-256", "MD5")
        ]
        ((_, value),) = phone().answer(plain, build_response(plain, 401, headers=headers))
        assert "algorithm=SHA-512-256," in value

    @pytest.mark.clause("RFC8760 2.4")
    def test_the_topmost_of_each_realm(self) -> None:
        plain = request()
        headers = [
            ("WWW-Authenticate", f'Digest realm="{realm}", nonce="n", algorithm={name}, qop="auth"')
            for realm, name in (("a", "SHA-256"), ("b", "MD5"), ("a", "MD5"), ("b", "SHA-256"))
        ]
        answers = phone().answer(plain, build_response(plain, 401, headers=headers))
        found = [credentials_of(with_headers(plain, (each,))) for each in answers]
        assert [(each.realm, each.algorithm) for each in found] == [("a", "SHA-256"), ("b", "MD5")]

    @pytest.mark.clause("RFC8760 2.4")
    def test_it_gives_up_if_it_can_answer_none(self) -> None:
        plain = request()
        headers = [("WWW-Authenticate", 'Digest realm="a", nonce="n", algorithm=X, qop="auth"')]
        assert phone().answer(plain, build_response(plain, 401, headers=headers)) == ()


class TestSection2_6:
    """What is different from HTTP."""

    @pytest.mark.clause("RFC8760 2.6")
    def test_basic_is_neither_accepted_nor_requested(self) -> None:
        # alice:secret, which would be right
        basic = ("Authorization", "Basic YWxpY2U6c2VjcmV0")
        verdict = challenged(
            server().check(request("REGISTER", "sip:example.com", basic), 0.0, proxy=False)
        )
        assert all(value.startswith("Digest ") for _, value in verdict.headers)
        plain = request()
        offered = build_response(plain, 401, headers=[("WWW-Authenticate", 'Basic realm="r"')])
        assert phone().answer(plain, offered) == ()

    @pytest.mark.clause("RFC8760 2.6")
    def test_item_2_the_uri_is_in_quotation_marks(self) -> None:
        sent = answered(server())
        assert ', uri="sip:example.com", ' in (sent.get("authorization") or "")

    @pytest.mark.clause("RFC8760 2.6")
    def test_item_6_the_uri_corresponds_to_the_request_uri(self) -> None:
        auth = server()
        sent = answered(auth, request("INVITE", "sip:bob@example.com;transport=tcp"))
        for uri, verdict in (
            ("sip:carol@example.com", Refused(400, "credentials for another Request-URI")),
            ("sip:bob@example.com", Known(ALICE)),
        ):
            other = with_headers(
                request("INVITE", uri), (("Authorization", str(credentials_of(sent))),)
            )
            assert auth.check(other, 0.0, proxy=False) == verdict

    @pytest.mark.clause("RFC8760 2.6")
    def test_item_7_the_digest_of_an_empty_body(self) -> None:
        assert Algorithm.SHA_256.digest("") == (
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        )
        assert Algorithm.MD5.digest("") == "d41d8cd98f00b204e9800998ecf8427e"

    @pytest.mark.clause("RFC8760 2.6")
    def test_item_8_qop_is_in_every_challenge_and_every_answer(self) -> None:
        auth = server()
        verdict = challenged(auth.check(request(), 0.0, proxy=False))
        assert all(value.endswith(', qop="auth"') for _, value in verdict.headers)
        assert credentials_of(answered(auth)).qop == "auth"


class TestSection2_7:
    @pytest.mark.clause("RFC8760 2.7")
    def test_an_empty_response_before_the_first_challenge(self) -> None:
        early = replace(credentials_of(answered(server())), nonce="", response="", nc="", cnonce="")
        sent = with_headers(request(), (("Authorization", str(early)),))
        verdict = server().check(sent, 0.0, proxy=False)
        assert isinstance(verdict, Challenge)
        assert not verdict.stale
