"""Session descriptions for a call: an offer, an answer to one, a hold (RFC 8866, RFC 3264).

A help for who has no media stack that makes them. The user agent itself passes session
descriptions through as bytes and never looks inside. Parsing and writing is `sdp_transform`'s.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import sdp_transform

from ringway.errors import RingwayError

__all__ = ["CODECS", "TYPE", "Codec", "NothingInCommonError", "answer", "direct", "offer", "parse"]

TYPE: Final = "application/sdp"
"""The Content-Type of a session description."""

Session: TypeAlias = dict[str, Any]

DIRECTIONS: Final = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}
"""What a direction in an offer allows at most in its answer (RFC 3264 §6.1)."""


class NothingInCommonError(RingwayError):
    """No stream of an offer can be answered: refuse the call with 488 (RFC 3261 §21.4.26)."""


@dataclass(frozen=True, slots=True)
class Codec:
    """A format of an audio stream.

    Attributes:
        payload: the RTP payload type; 0 to 95 are fixed by RFC 3551, from 96 on free.
        name: as registered: PCMU, opus.
        rate: the clock rate in Hz.
        channels: 2 for stereo formats such as opus.
        parameters: the value of ``a=fmtp``; empty for none.
    """

    payload: int
    name: str
    rate: int
    channels: int = 1
    parameters: str = ""


CODECS: Final = (
    Codec(0, "PCMU", 8000),
    Codec(8, "PCMA", 8000),
    Codec(101, "telephone-event", 8000, parameters="0-16"),
)
"""What every phone has."""


def offer(
    host: str,
    port: int,
    codecs: Iterable[Codec] = CODECS,
    *,
    direction: str = "sendrecv",
    session: int = 1,
    version: int = 1,
) -> bytes:
    """Make an offer of one audio stream (RFC 3264 §5).

    Args:
        host: the address that RTP is to be sent to.
        port: its port, an even number; 9 when nobody will listen.
        codecs: the formats, the preferred first.
        direction: sendrecv, sendonly, recvonly or inactive.
        session: names the session; the same in all of its descriptions.
        version: one higher in each description that differs from the one before (§8).

    Raises:
        ValueError: the direction is none.
    """
    if direction not in DIRECTIONS:
        raise ValueError(f"{direction!r} is no direction; use one of {', '.join(DIRECTIONS)}")
    described = {
        "version": 0,
        "origin": _origin(host, session, version),
        "name": "-",
        "connection": {"version": _family(host), "ip": host},
        "timing": {"start": 0, "stop": 0},
        "media": [_audio(port, "RTP/AVP", list(codecs), direction)],
    }
    return _write(described)


def answer(
    offered: bytes,
    host: str,
    port: int,
    codecs: Iterable[Codec] = CODECS,
    *,
    direction: str = "sendrecv",
    session: int = 1,
    version: int = 1,
) -> bytes:
    """Answer an offer: its first audio stream with the formats both know (RFC 3264 §6).

    Every other stream is refused with port 0, as §6 asks; their order stays.

    Args:
        offered: the offer.
        host: the address that RTP is to be sent to.
        port: its port.
        codecs: the formats we know; the offer's order and payload types are kept.
        direction: what we would like; the offer may allow less.
        session: names the session.
        version: one higher in each description that differs from the one before.

    Raises:
        NothingInCommonError: there is no audio stream, or no common format in it.
        ValueError: the direction is none, or the offer is no session description.
    """
    if direction not in DIRECTIONS:
        raise ValueError(f"{direction!r} is no direction; use one of {', '.join(DIRECTIONS)}")
    described = parse(offered)
    streams: list[Session] = []
    taken = False
    for stream in described["media"]:
        common = [] if taken or not _is_audio(stream) else _common(stream, list(codecs))
        if common:
            allowed = DIRECTIONS[stream.get("direction") or described.get("direction", "sendrecv")]
            mine = _both(direction, allowed)
            streams.append(_audio(port, stream["protocol"], common, mine))
            taken = True
        else:
            streams.append(_refused(stream))
    if not taken:
        raise NothingInCommonError("the offer has no audio stream in a format that we know")
    reply = {
        "version": 0,
        "origin": _origin(host, session, version),
        "name": "-",
        "connection": {"version": _family(host), "ip": host},
        "timing": {"start": 0, "stop": 0},
        "media": streams,
    }
    return _write(reply)


def direct(description: bytes, direction: str) -> bytes:
    """Return one's own description with another direction and the next version: hold and resume.

    Args:
        description: the one in force.
        direction: inactive or sendonly to hold, sendrecv to resume (RFC 3264 §8.4).

    Raises:
        ValueError: the direction is none, or the description is none.
    """
    if direction not in DIRECTIONS:
        raise ValueError(f"{direction!r} is no direction; use one of {', '.join(DIRECTIONS)}")
    described = parse(description)
    described["origin"]["sessionVersion"] += 1
    described.pop("direction", None)
    for stream in described["media"]:
        stream["direction"] = direction
    return _write(described)


def parse(description: bytes) -> Session:
    """Read a session description.

    Args:
        description: its bytes.

    Returns:
        What `sdp_transform.parse` gives: a dictionary with ``origin`` and a list of ``media``.

    Raises:
        ValueError: it has no version, no origin, or a stream that cannot be read.
    """
    try:
        described: Session = sdp_transform.parse(description.decode())
        origin = described.get("origin", {})
        if described.get("version") != 0 or not isinstance(origin.get("sessionVersion"), int):
            raise ValueError("not a session description: no version 0 or no origin")
        for stream in described["media"]:
            if not isinstance(stream.get("port"), int) or "protocol" not in stream:
                raise ValueError("a stream that cannot be read")
    except UnicodeDecodeError as error:
        raise ValueError(f"not a session description: {error}") from None
    return described


def _origin(host: str, session: int, version: int) -> Session:
    return {
        "username": "-",
        "sessionId": session,
        "sessionVersion": version,
        "netType": "IN",
        "ipVer": _family(host),
        "address": host,
    }


def _family(host: str) -> int:
    return 6 if ":" in host else 4


def _audio(port: int, protocol: str, codecs: list[Codec], direction: str) -> Session:
    rtp = []
    for codec in codecs:
        line: Session = {"payload": codec.payload, "codec": codec.name, "rate": codec.rate}
        if codec.channels > 1:
            line["encoding"] = codec.channels
        rtp.append(line)
    fmtp = [
        {"payload": codec.payload, "config": codec.parameters}
        for codec in codecs
        if codec.parameters
    ]
    return {
        "type": "audio",
        "port": port,
        "protocol": protocol,
        "payloads": " ".join(str(codec.payload) for codec in codecs),
        "rtp": rtp,
        "fmtp": fmtp,
        "direction": direction,
    }


def _refused(stream: Session) -> Session:
    return {
        "type": stream["type"],
        "port": 0,
        "protocol": stream["protocol"],
        "payloads": stream.get("payloads", "0"),
        "rtp": [],
        "fmtp": [],
    }


def _is_audio(stream: Session) -> bool:
    return bool(
        stream.get("type") == "audio" and stream["port"] and stream["protocol"] == "RTP/AVP"
    )


def _common(stream: Session, codecs: list[Codec]) -> list[Codec]:
    """Return the formats both know, in the offer's order and by its payload types."""
    named = {
        line["payload"]: (str(line["codec"]).lower(), line.get("rate"), line.get("encoding", 1))
        for line in stream["rtp"]
    }
    fixed = {codec.payload: codec for codec in codecs if codec.payload < 96}
    known = {(codec.name.lower(), codec.rate, codec.channels): codec for codec in codecs}
    common: list[Codec] = []
    for text in str(stream.get("payloads", "")).split():
        payload = int(text) if text.isdecimal() else -1
        described = named.get(payload)
        codec = fixed.get(payload) if described is None else known.get(described)
        if codec is not None:
            common.append(Codec(payload, codec.name, codec.rate, codec.channels, codec.parameters))
    audible = [codec for codec in common if codec.name != "telephone-event"]
    return common if audible else []


def _both(wanted: str, allowed: str) -> str:
    """Return the direction that both sides allow."""
    sends = wanted in {"sendrecv", "sendonly"} and allowed in {"sendrecv", "sendonly"}
    receives = wanted in {"sendrecv", "recvonly"} and allowed in {"sendrecv", "recvonly"}
    if sends and receives:
        return "sendrecv"
    if sends:
        return "sendonly"
    return "recvonly" if receives else "inactive"


def _write(described: Session) -> bytes:
    text: str = sdp_transform.write(described)
    return text.encode()
