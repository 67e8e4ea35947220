import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringway.auth import (
    Algorithm,
    Credentials,
    DigestChallenge,
    parse_challenge,
    parse_credentials,
)
from ringway.errors import ParseError

FULL = (
    'Digest username="alice", realm="example.com", nonce="n", uri="sip:example.com", '
    'response="0a", algorithm=SHA-256, cnonce="c", qop=auth, nc=0000000f, opaque="o"'
)

TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20)
TOKEN = st.text("abcXYZ019-.!%*_+`'~", max_size=12)


class TestChallenge:
    def test_as_it_is_written(self) -> None:
        challenge = DigestChallenge("example.com", "n", "SHA-256", ("auth",))
        assert str(challenge) == (
            'Digest realm="example.com", nonce="n", algorithm=SHA-256, qop="auth"'
        )
        assert challenge.known_algorithm is Algorithm.SHA_256

    def test_all_parameters(self) -> None:
        challenge = DigestChallenge("r", "n", "MD5", ("auth", "auth-int"), "", stale=True)
        assert str(challenge) == (
            'Digest realm="r", nonce="n", opaque="", stale=true, algorithm=MD5, qop="auth,auth-int"'
        )
        assert parse_challenge(str(challenge)) == challenge

    def test_what_other_servers_write(self) -> None:
        challenge = parse_challenge(
            'digest Realm = "a \\"b\\", c" , nonce=n,, domain="sip:x", STALE="TRUE", '
            'qop=" AUTH-INT ,auth", userhash=false, charset=UTF-8,'
        )
        assert challenge == DigestChallenge(
            'a "b", c', "n", "", ("auth-int", "auth"), None, stale=True
        )
        assert challenge is not None
        assert challenge.known_algorithm is Algorithm.MD5

    @pytest.mark.parametrize("text", ['Digest realm="r"', 'Digest nonce="n"', "Digest"])
    def test_realm_and_nonce_must_be_there(self, text: str) -> None:
        with pytest.raises(ParseError, match=r"www-authenticate: a challenge without"):
            parse_challenge(text)

    def test_a_qop_that_is_no_token_is_none_to_choose(self) -> None:
        challenge = parse_challenge('Digest realm="r", nonce="n", qop="a b, aut\\\\h,,x"')
        assert challenge == DigestChallenge("r", "n", qop=("x",))

    def test_another_scheme_is_for_somebody_else(self) -> None:
        assert parse_challenge('Bearer realm="r", scope="x y"') is None

    @settings(deadline=None)
    @given(
        st.builds(
            DigestChallenge,
            TEXT,
            TEXT,
            TOKEN,
            st.lists(st.sampled_from(["auth", "auth-int", "x"])).map(tuple),
            st.none() | TEXT,
            st.booleans(),
        )
    )
    def test_round_trip(self, challenge: DigestChallenge) -> None:
        assert parse_challenge(str(challenge)) == challenge


class TestCredentials:
    def test_round_trip_of_an_example(self) -> None:
        credentials = parse_credentials(FULL)
        assert credentials == Credentials(
            username="alice",
            realm="example.com",
            nonce="n",
            uri="sip:example.com",
            response="0a",
            algorithm="SHA-256",
            qop="auth",
            nc="0000000f",
            cnonce="c",
            opaque="o",
        )
        assert credentials.count == 15
        assert credentials.known_algorithm is Algorithm.SHA_256
        assert str(credentials) == FULL

    def test_what_phones_write(self) -> None:
        credentials = parse_credentials(
            'DIGEST username=alice,realm="r",nonce="n" ,uri=sip:a@b;transport=tcp,'
            'response="0A",algorithm="MD5",qop="auth",nc="00000001",cnonce="",'
        )
        assert credentials == Credentials(
            "alice", "r", "n", "sip:a@b;transport=tcp", "0A", "MD5", "auth", "00000001"
        )

    def test_what_is_left_out(self) -> None:
        assert parse_credentials("Digest") == Credentials("", "", "", "", "")

    def test_another_scheme_is_for_somebody_else(self) -> None:
        assert parse_credentials("Basic YWxpY2U6c2VjcmV0") is None

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("", "no authentication scheme"),
            ('"Digest"', "no authentication scheme"),
            ("Digest username", "not a parameter of digest"),
            ('Digest username="alice', "not a parameter of digest"),
            ('Digest username="a"b', "not a parameter of digest"),
            ('Digest username="a\x01"', "not a parameter of digest"),
            ("Digest nc=1 2", "not a parameter of digest"),
            ('Digest nc=1, username="a", NC=1', "nc stands twice"),
            ('Digest nc="1 2"', "nc is no token"),
            ('Digest qop="auth,auth-int"', "qop is no token"),
            ('Digest algorithm="M D"', "algorithm is no token"),
        ],
    )
    def test_faults(self, text: str, reason: str) -> None:
        with pytest.raises(ParseError) as caught:
            parse_credentials(text)
        assert str(caught.value) == f"authorization: {reason}"
        assert caught.value.status == 400

    @pytest.mark.parametrize("nc", ["", "1", "0000000g", "000000001", "+0000001", "0000000\uff11"])
    def test_no_nonce_count(self, nc: str) -> None:
        assert Credentials("", "", "", "", "", nc=nc).count is None

    def test_a_response_is_not_shown(self) -> None:
        assert "0a" not in repr(parse_credentials(FULL))

    @settings(deadline=None)
    @given(
        st.builds(
            Credentials,
            *(TEXT, TEXT, TEXT, TEXT, TEXT, TOKEN, TOKEN, TOKEN, TEXT),
            st.none() | TEXT,
        )
    )
    def test_round_trip(self, credentials: Credentials) -> None:
        assert parse_credentials(str(credentials)) == credentials
