import base64
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringway.errors import TokenGone, TokenTampered
from ringway.transport.flow import TRANSPORTS, Address, Flow
from ringway.transport.token import (
    KEY_LENGTH,
    FlowToken,
    Purpose,
    Sealer,
    TokenKeys,
    digest_place,
    purpose_of,
)

KEY = bytes(range(KEY_LENGTH))
OTHER_KEY = bytes(KEY_LENGTH)
SEALER = Sealer(TokenKeys({1: KEY}, 1), "a7")

FLOW = Flow("tls", Address("192.0.2.1", 5061), Address("198.51.100.254", 65535), 1_700_000_123_456)
FLOW6 = Flow("wss", Address("2001:db8::1", 443), Address("2001:db8:1:2:3:4:5:6", 50000), 7)
UDP = Flow("udp", Address("192.0.2.1", 5060), Address("198.51.100.7", 5060))
INSTANCE = "<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>"
AOR = "sip:alice@example.com"
CALL = "a84b4c76e66710@pc33.example.com"


class TestPath:
    @pytest.mark.parametrize("flow", [FLOW, FLOW6, UDP])
    @pytest.mark.clause("RFC5626-5.2-1")
    def test_gives_the_flow_back(self, flow: Flow) -> None:
        token = SEALER.open(SEALER.seal_path(flow), Purpose.PATH)
        assert token == FlowToken(Purpose.PATH, "a7", flow)

    @pytest.mark.parametrize("generation", [0, 1, 127, 128, 129, 255, 16_383, 16_384, 2**64])
    def test_every_generation(self, generation: int) -> None:
        flow = FLOW._replace(generation=generation)
        assert SEALER.open(SEALER.seal_path(flow), Purpose.PATH).flow == flow

    @pytest.mark.clause("RFC5626-5.1-3")
    def test_one_flow_has_one_token(self) -> None:
        assert SEALER.seal_path(FLOW) == SEALER.seal_path(FLOW)
        later = FLOW._replace(generation=FLOW.generation + 1)
        assert SEALER.seal_path(FLOW) != SEALER.seal_path(later)

    def test_holds_whatever_the_call(self) -> None:
        assert SEALER.open(SEALER.seal_path(FLOW), Purpose.PATH, CALL).flow == FLOW

    def test_is_short(self) -> None:
        longest = FLOW._replace(generation=2**48)
        assert len(Sealer(TokenKeys({1: KEY}, 1), "node").seal_path(longest)) <= 64

    def test_needs_no_escaping(self) -> None:
        assert re.fullmatch(r"[A-Za-z0-9_-]+", SEALER.seal_path(FLOW))

    def test_shows_nothing_of_the_flow(self) -> None:
        raw = base64.urlsafe_b64decode(SEALER.seal_path(FLOW)[1:] + "==")
        assert bytes((192, 0, 2, 1)) not in raw
        assert b"a7" not in raw


class TestRecordRoute:
    @pytest.mark.parametrize("instance", ["", INSTANCE, "<urn:x:y>", INSTANCE.upper()])
    @pytest.mark.parametrize("aor", ["", AOR])
    @pytest.mark.parametrize("flow", [FLOW, FLOW6, UDP, None])
    def test_gives_all_back(self, flow: Flow | None, aor: str, instance: str) -> None:
        text = SEALER.seal_record_route(flow, CALL, aor=aor, instance=instance)
        token = SEALER.open(text, Purpose.RECORD_ROUTE, CALL)
        assert token == FlowToken(Purpose.RECORD_ROUTE, "a7", flow, aor, instance)

    def test_holds_only_for_its_call(self) -> None:
        text = SEALER.seal_record_route(FLOW, CALL)
        with pytest.raises(TokenTampered, match="seal is broken"):
            SEALER.open(text, Purpose.RECORD_ROUTE, CALL + "x")

    def test_a_uuid_takes_16_bytes(self) -> None:
        short = SEALER.seal_record_route(FLOW, CALL, instance=INSTANCE)
        long = SEALER.seal_record_route(FLOW, CALL, instance=INSTANCE.upper())
        assert len(long) - len(short) > 35
        zeros = "<urn:uuid:00000000-0000-1000-8000-000a95a0e128>"
        assert len(SEALER.seal_record_route(FLOW, CALL, instance=zeros)) == len(short)


class TestOpening:
    @pytest.mark.clause("RFC5626-5.2-1")
    def test_no_change_passes(self) -> None:
        text = SEALER.seal_path(FLOW)
        for place in range(len(text)):
            for char in "AZaz09-_PR":
                changed = text[:place] + char + text[place + 1 :]
                if changed != text:
                    with pytest.raises((TokenTampered, TokenGone)):
                        SEALER.open(changed, Purpose.PATH)

    def test_another_spelling_of_the_same_bytes_is_no_token(self) -> None:
        made = (SEALER.seal_path(FLOW._replace(generation=number)) for number in (1, 128))
        text = next(
            text for text in made if len(text) % 4 != 1
        )  # the last character has spare bits
        spare = base64.urlsafe_b64decode(text[1:] + "=" * (-(len(text) - 1) % 4))
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        twin = text[:-1] + alphabet[alphabet.index(text[-1]) ^ 1]
        assert base64.urlsafe_b64decode(twin[1:] + "=" * (-(len(twin) - 1) % 4)) == spare
        with pytest.raises(TokenTampered, match="second spelling"):
            SEALER.open(twin, Purpose.PATH)

    def test_a_token_serves_one_purpose(self) -> None:
        path = SEALER.seal_path(FLOW)
        with pytest.raises(TokenTampered, match="not a RECORD_ROUTE token"):
            SEALER.open(path, Purpose.RECORD_ROUTE)
        with pytest.raises(TokenTampered, match="seal is broken"):
            SEALER.open("R" + path[1:], Purpose.RECORD_ROUTE)
        route = SEALER.seal_record_route(FLOW, "")
        with pytest.raises(TokenTampered, match="seal is broken"):
            SEALER.open("P" + route[1:], Purpose.PATH)

    def test_an_unknown_key_means_a_flow_that_is_no_more(self) -> None:
        stranger = Sealer(TokenKeys({2: KEY}, 2), "a7")
        with pytest.raises(TokenGone, match="key 2 is unknown"):
            SEALER.open(stranger.seal_path(FLOW), Purpose.PATH)

    def test_a_known_id_with_another_key_is_tampering(self) -> None:
        stranger = Sealer(TokenKeys({1: OTHER_KEY}, 1), "a7")
        with pytest.raises(TokenTampered, match="seal is broken"):
            SEALER.open(stranger.seal_path(FLOW), Purpose.PATH)

    def test_keys_rotate(self) -> None:
        old = SEALER.seal_path(FLOW)
        rotated = Sealer(TokenKeys({1: KEY, 2: OTHER_KEY}, 2), "b")
        assert rotated.open(old, Purpose.PATH) == FlowToken(Purpose.PATH, "a7", FLOW)
        new = rotated.seal_path(FLOW)
        assert new != old
        with pytest.raises(TokenGone):
            SEALER.open(new, Purpose.PATH)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "alice",
            "P",
            "P" * 26,
            "PAAA A" + "A" * 30,
            "Q" + "A" * 40,
            "P" + "A" * 29,
            "P" * 2000,
        ],
    )
    def test_what_is_no_token(self, text: str) -> None:
        assert purpose_of(text) is None
        with pytest.raises(TokenTampered):
            SEALER.open(text, Purpose.PATH)

    def test_what_looks_like_one(self) -> None:
        assert purpose_of(SEALER.seal_path(FLOW)) is Purpose.PATH
        assert purpose_of(SEALER.seal_record_route(None, CALL)) is Purpose.RECORD_ROUTE


class TestKeys:
    @pytest.mark.parametrize("key_id", [0, 255])
    def test_the_ends_of_the_range(self, key_id: int) -> None:
        sealer = Sealer(TokenKeys({key_id: KEY}, key_id), "a")
        assert sealer.open(sealer.seal_path(UDP), Purpose.PATH).flow == UDP

    @pytest.mark.parametrize(
        ("keys", "current", "words"),
        [
            ({256: KEY}, 256, "256 is not in"),
            ({-1: KEY}, -1, "-1 is not in"),
            ({1: KEY[1:]}, 1, "63 bytes"),
            ({1: KEY}, 2, "2 is missing"),
        ],
    )
    def test_bad_keys(self, keys: dict[int, bytes], current: int, words: str) -> None:
        with pytest.raises(ValueError, match=words):
            TokenKeys(keys, current)


texts = st.text(max_size=30)
hosts = st.ip_addresses().map(str) | st.sampled_from(
    ["phone-1", "", "fe80::1%eth0", "2001:DB8::1", "::ffff:192.0.2.1", "1.2"]
)
addresses = st.builds(Address, hosts, st.integers(0, 65535))
flows = st.builds(Flow, st.sampled_from(TRANSPORTS), addresses, addresses, st.integers(0, 2**64))


@given(
    st.builds(
        FlowToken,
        st.sampled_from([Purpose.PATH, Purpose.RECORD_ROUTE]),
        texts,
        st.none() | flows,
        texts,
        texts,
    ),
    texts,
)
def test_every_token_comes_back(token: FlowToken, call_id: str) -> None:
    text = SEALER.seal(token, call_id)
    assert SEALER.open(text, token.purpose, call_id) == token
    assert purpose_of(text) is token.purpose
    assert SEALER.seal(replace(token), call_id) == text


@given(st.text(alphabet="PRAa0-_", min_size=20, max_size=80))
def test_any_text_at_all(text: str) -> None:
    with pytest.raises((TokenTampered, TokenGone)):
        SEALER.open(text, Purpose.PATH)


class TestDialogMark:
    def test_it_is_good_for_its_own_call_and_place_only(self) -> None:
        mark = SEALER.mark_dialog("one", "10.0.0.9:5060")
        assert purpose_of(mark) is Purpose.DIALOG
        assert mark == SEALER.mark_dialog("one", "10.0.0.9:5060")
        assert SEALER.vouches(mark, "one", "10.0.0.9:5060")
        assert not SEALER.vouches(mark, "two", "10.0.0.9:5060")
        assert not SEALER.vouches(mark, "one", "10.0.0.9:5061")
        assert not SEALER.vouches(mark, "one", "")

    def test_one_without_a_place_leads_nowhere(self) -> None:
        mark = SEALER.mark_dialog("one", "")
        assert purpose_of(mark) is Purpose.DIALOG
        assert not SEALER.vouches(mark, "one", "")

    def test_one_of_a_lost_key_vouches_for_nothing(self) -> None:
        mark = Sealer(TokenKeys({9: bytes(64)}, 9), "n").mark_dialog("one", "here")
        assert not SEALER.vouches(mark, "one", "here")

    def test_a_flow_token_is_no_mark_and_a_mark_no_flow_token(self) -> None:
        with pytest.raises(TokenTampered):
            SEALER.vouches(SEALER.seal_record_route(None, "one"), "one", "here")
        with pytest.raises(TokenTampered):
            SEALER.open(SEALER.mark_dialog("one", "here"), Purpose.RECORD_ROUTE, "one")


@pytest.mark.parametrize("instance", ["", INSTANCE])
def test_a_side_without_a_flow_says_where_it_leads(instance: str) -> None:
    text = SEALER.seal_record_route(None, CALL, instance=instance, place="10.0.0.9:5060")
    token = SEALER.open(text, Purpose.RECORD_ROUTE, CALL)
    assert token.place == digest_place("10.0.0.9:5060")
    assert (token.flow, token.instance) == (None, instance)
    flow = SEALER.seal_record_route(UDP, CALL, place="10.0.0.9:5060")
    assert SEALER.open(flow, Purpose.RECORD_ROUTE, CALL).place == b""
