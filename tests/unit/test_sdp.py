"""Session descriptions: offers, answers, hold."""

from __future__ import annotations

import pytest

from ringway import sdp

OFFER = sdp.offer("192.0.2.1", 4000, session=7)
OPUS = sdp.Codec(96, "opus", 48000, 2, "useinbandfec=1")


class TestOffer:
    """RFC 3264 §5."""

    def test_one_stream_with_each_format(self) -> None:
        text = OFFER.decode()
        assert text.startswith("v=0\r\no=- 7 1 IN IP4 192.0.2.1\r\n")
        assert "m=audio 4000 RTP/AVP 0 8 101\r\n" in text
        assert text.endswith("a=sendrecv\r\n")

    def test_ipv6(self) -> None:
        text = sdp.offer("2001:db8::1", 4000).decode()
        assert "o=- 1 1 IN IP6 2001:db8::1\r\n" in text
        assert "c=IN IP6 2001:db8::1\r\n" in text

    def test_stereo_and_parameters(self) -> None:
        text = sdp.offer("192.0.2.1", 4000, [OPUS]).decode()
        assert "a=rtpmap:96 opus/48000/2\r\n" in text
        assert "a=fmtp:96 useinbandfec=1\r\n" in text

    def test_a_direction_that_is_none(self) -> None:
        with pytest.raises(ValueError, match="use one of sendrecv"):
            sdp.offer("192.0.2.1", 4000, direction="both")


class TestAnswer:
    """RFC 3264 §6."""

    @pytest.mark.clause("RFC3261-13.2.1-13", "RFC3261-13.2.1-14")
    def test_common_formats_in_the_order_of_the_offer(self) -> None:
        ours = [sdp.CODECS[1], sdp.CODECS[0]]
        media = sdp.parse(sdp.answer(OFFER, "192.0.2.2", 5000, ours))["media"]
        assert [stream["payloads"] for stream in media] == ["0 8"]
        assert media[0]["port"] == 5000

    def test_payload_types_are_those_of_the_offer(self) -> None:
        offered = sdp.offer("192.0.2.1", 4000, [sdp.Codec(111, "OPUS", 48000, 2)])
        media = sdp.parse(sdp.answer(offered, "192.0.2.2", 5000, [OPUS]))["media"]
        assert media[0]["payloads"] == 111
        assert media[0]["fmtp"] == [{"payload": 111, "config": "useinbandfec=1"}]

    def test_a_fixed_type_needs_no_rtpmap(self) -> None:
        offered = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"
        assert sdp.parse(sdp.answer(offered, "192.0.2.2", 5000))["media"][0]["payloads"] == 8

    @pytest.mark.clause("RFC3261-13.2.1-14")
    def test_other_streams_are_refused_in_their_place(self) -> None:
        offered = OFFER.replace(b"m=audio", b"m=video 9 RTP/AVP 96\r\nm=audio")
        offered += b"m=audio 4002 RTP/AVP 0\r\n"
        media = sdp.parse(sdp.answer(offered, "192.0.2.2", 5000))["media"]
        assert [(each["type"], each["port"]) for each in media] == [
            ("video", 0),
            ("audio", 5000),
            ("audio", 0),
        ]

    @pytest.mark.parametrize(
        "offered",
        [
            OFFER.replace(b"4000", b"0"),
            OFFER.replace(b"RTP/AVP", b"RTP/SAVP"),
            sdp.offer("192.0.2.1", 4000, [OPUS]),
            sdp.offer("192.0.2.1", 4000, [sdp.CODECS[2]]),
        ],
        ids=["refused already", "encrypted", "no common format", "only tones"],
    )
    def test_nothing_in_common(self, offered: bytes) -> None:
        with pytest.raises(sdp.NothingInCommonError):
            sdp.answer(offered, "192.0.2.2", 5000)

    @pytest.mark.parametrize(
        ("offered", "wanted", "result"),
        [
            ("sendrecv", "sendrecv", "sendrecv"),
            ("sendonly", "sendrecv", "recvonly"),
            ("recvonly", "sendrecv", "sendonly"),
            ("inactive", "sendrecv", "inactive"),
            ("sendrecv", "sendonly", "sendonly"),
            ("sendonly", "sendonly", "inactive"),
        ],
    )
    def test_directions(self, offered: str, wanted: str, result: str) -> None:
        offer = sdp.offer("192.0.2.1", 4000, direction=offered)
        answer = sdp.answer(offer, "192.0.2.2", 5000, direction=wanted)
        assert sdp.parse(answer)["media"][0]["direction"] == result

    def test_a_direction_for_the_whole_session(self) -> None:
        offer = OFFER.replace(b"a=sendrecv\r\n", b"").replace(b"t=0 0", b"t=0 0\r\na=sendonly")
        answer = sdp.answer(offer, "192.0.2.2", 5000)
        assert sdp.parse(answer)["media"][0]["direction"] == "recvonly"

    def test_a_direction_that_is_none(self) -> None:
        with pytest.raises(ValueError, match="use one of sendrecv"):
            sdp.answer(OFFER, "192.0.2.2", 5000, direction="both")


class TestDirect:
    """RFC 3264 §8."""

    @pytest.mark.clause("RFC3261-14.1-1")
    def test_hold_is_the_next_version(self) -> None:
        held = sdp.parse(sdp.direct(OFFER, "inactive"))
        assert held["media"][0]["direction"] == "inactive"
        assert held["origin"]["sessionVersion"] == 2
        assert held["origin"]["sessionId"] == 7

    def test_a_direction_that_is_none(self) -> None:
        with pytest.raises(ValueError, match="use one of sendrecv"):
            sdp.direct(OFFER, "both")


class TestParse:
    @pytest.mark.parametrize(
        "description",
        [b"", b"hello", b"\xff\xfe", b"v=0\r\nm=audio 4000 RTP/AVP 0\r\n", OFFER + b"m=audio\r\n"],
        ids=["nothing", "text", "bytes", "no origin", "half a stream"],
    )
    def test_what_is_none(self, description: bytes) -> None:
        with pytest.raises(ValueError, match=r"session description|cannot be read"):
            sdp.parse(description)
