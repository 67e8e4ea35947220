"""Pasted text: where the samples in text/ come from says the README there."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringway.capture import text as module
from ringway.capture import text_sides
from ringway.capture.items import Item, Seen, Trouble
from ringway.capture.text import looks_like_text, read_text
from ringway.capture.text_cut import LONGEST
from ringway.capture.text_marks import Mark
from ringway.capture.text_sides import Sides
from ringway.message import Request, Response

SAMPLES = Path(__file__).parent / "text"
NOON = 1795371322.0  # 2026-11-22 18:15:22 UTC
MORNING = 1767607200.0  # 2026-01-05 10:00:00 UTC
NO_YEAR = 63453600.0  # the same in 1972


def seen(items: Iterable[Item]) -> list[Seen]:
    found = []
    for item in items:
        assert isinstance(item, Seen)
        found.append(item)
    return found


def sample(name: str) -> list[Seen]:
    with (SAMPLES / f"{name}.txt").open("rb") as lines:
        return seen(read_text(lines))


def told(item: Seen) -> str:
    message = item.message
    if isinstance(message, Request):
        what = message.method
    else:
        assert isinstance(message, Response)
        what = str(message.status)
    return f"{item.transport} {item.source} {item.target} {what} {len(item.data)}"


UAC = "udp 127.0.0.1:25080 127.0.0.1:25060"
SERVER = "udp 127.0.0.1:25060 127.0.0.1:25080"
PHONE = "udp 203.0.113.9:40112 192.0.2.10:5060"
PBX = "udp 192.0.2.10:5060"


# Name, and for each message: the time, the line, and what is told. The last number is that of the
# octets; the programs that print it say the same.
KNOWN: list[tuple[str, list[tuple[float, int, str]]]] = [
    (
        "sipp",
        [
            (NOON + 0.005757, 4, f"{UAC} INVITE 511"),
            (NOON + 0.006836, 27, f"{SERVER} 100 316"),
            (NOON + 0.007442, 40, f"{SERVER} 180 309"),
            (NOON + 0.008485, 53, f"{SERVER} 200 468"),
        ],
    ),
    (
        "kamailio-sipdump",
        [
            (NOON + 0.006049, 13, f"{UAC} INVITE 511"),
            (NOON + 0.006757, 45, f"{SERVER} 100 316"),
        ],
    ),
    ("kamailio-xlog", [(0, 4, f"{UAC} INVITE 511"), (0, 25, ""), (0, 35, "")]),
    (
        "sngrep",
        [
            (NOON + 0.005731, 2, f"{UAC} INVITE 511"),
            (NOON + 0.006774, 24, f"{SERVER} 100 316"),
        ],
    ),
    (
        "ngrep",
        [
            (NOON + 0.005731, 5, f"{UAC} INVITE 511"),
            (NOON + 0.006774, 27, f"{SERVER} 100 316"),
        ],
    ),
    (
        "tcpdump",
        [
            (65722.005731, 2, f"{UAC} INVITE 511"),
            (65722.006774, 23, f"{SERVER} 100 316"),
        ],
    ),
    (
        "baresip",
        [
            (0, 4, "udp 127.0.0.1:25090 127.0.0.1:25075 REGISTER 531"),
            (0, 26, "udp 127.0.0.1:25075 127.0.0.1:25090 200 393"),
        ],
    ),
    (
        "pjsua",
        [
            (65858.035, 5, "tcp 127.0.0.1:54627 127.0.0.1:25075 REGISTER 540"),
            (65858.039, 26, "tcp 127.0.0.1:25075 127.0.0.1:54627 200 360"),
        ],
    ),
    (
        "linphone",
        [
            (1795371462.152, 8, "udp 127.0.0.1:60346 127.0.0.1:25075 REGISTER 512"),
            (1795371462.162, 29, "udp 127.0.0.1:25075 127.0.0.1:60346 200 345"),
        ],
    ),
    ("sipsak", [(0, 6, "udp 127.0.0.1:25081 127.0.0.1:2507 OPTIONS 357"), (0, 21, "")]),
    (
        "asterisk-pjsip",
        [
            (MORNING + 0.25, 3, f"{PHONE} REGISTER 266"),
            (MORNING + 0.25, 15, f"{PBX} 203.0.113.9:40112 401 296"),
            (MORNING + 2, 27, f"{PBX} 198.51.100.5:5060 INVITE 436"),
        ],
    ),
    (
        "asterisk-chan-sip",
        [
            (NO_YEAR, 4, f"{PHONE} REGISTER 266"),
            (NO_YEAR, 18, f"{PBX} 203.0.113.9:40112 401 296"),
            (NO_YEAR, 31, f"{PBX} 198.51.100.5:5060 INVITE 436"),
        ],
    ),
    (
        "freeswitch",
        [
            (MORNING + 0.1002, 4, f"{PHONE} REGISTER 266"),
            (MORNING + 0.25, 17, f"{PBX} 203.0.113.9:40112 401 296"),
            (MORNING + 2.000001, 30, f"{PBX} 198.51.100.5:5060 INVITE 436"),
        ],
    ),
    (
        "opensips-syslog",
        [
            (NO_YEAR, 2, f"{PHONE} REGISTER 266"),
            (NO_YEAR + 2, 4, f"{PBX} 198.51.100.5:5060 INVITE 436"),
        ],
    ),
    (
        "mail",
        [
            (0, 5, "udp 10.1.1.7:40112 example.com:5060 REGISTER 266"),
            (0, 15, "udp example.com:5060 10.1.1.7:40112 401 296"),
        ],
    ),
    (
        "plain",
        [
            (0, 1, f"{PBX} 198.51.100.5:5060 INVITE 436"),
            (0, 19, "udp 198.51.100.5:5060 192.0.2.10:5060 100 196"),
            (0, 26, "udp 198.51.100.5:5060 192.0.2.10:5060 200 251"),
        ],
    ),
]


@pytest.mark.parametrize(("name", "expected"), KNOWN)
def test_reads_what_a_program_writes(name: str, expected: list[tuple[float, int, str]]) -> None:
    found = sample(name)
    assert [item.fault for item in found] == [""] * len(expected)
    for item, (at, line, what) in zip(found, expected, strict=True):
        assert item.at == pytest.approx(at, abs=1e-6)
        assert item.frames == (line,)
        if what:
            assert told(item) == what


@pytest.mark.parametrize("name", [name for name, _ in KNOWN])
def test_line_ends_do_not_matter(name: str) -> None:
    text = (SAMPLES / f"{name}.txt").read_bytes().replace(b"\r", b"")
    plain = seen(read_text(text.split(b"\n")))
    dos = seen(read_text(line + b"\r\n" for line in text.split(b"\n")))
    strings = seen(read_text(text.decode().split("\n")))
    assert [item[:5] + item[6:] for item in plain] == [item[:5] + item[6:] for item in dos]
    assert [item.data for item in plain] == [item.data for item in strings]
    assert [item.data for item in plain] == [item.data for item in sample(name)]


@pytest.mark.parametrize(
    "prefix", ["  ", "\t", "> ", ">> ", "| ", "17 ", "Jan  5 10:00:01 a b[7]: "]
)
def test_what_stands_before_every_line_is_taken_off(prefix: str) -> None:
    text = (SAMPLES / "plain.txt").read_text()
    found = seen(read_text(prefix + line for line in text.split("\n")))
    assert [item.data for item in found] == [item.data for item in sample("plain")]


OPTIONS = """\
OPTIONS sip:bob@192.0.2.2 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1
From: <sip:alice@example.com>;tag=1
To: <sip:bob@192.0.2.2>
Call-ID: c1
CSeq: 1 OPTIONS
Max-Forwards: 70
Content-Length: 0
"""


def one(text: str) -> Seen:
    (found,) = seen(read_text(text.split("\n")))
    return found


def with_body(kind: str, length: int | str, body: str) -> str:
    head = OPTIONS.replace("Content-Length: 0", f"Content-Type: {kind}\nContent-Length: {length}")
    return head + "\n" + body


def body_of(item: Seen) -> bytes:
    assert item.message is not None
    return item.message.body


class TestBody:
    @pytest.mark.parametrize(
        ("length", "body"),
        [(10, b"v=0\r\ns=-\r\n"), (8, b"v=0\r\ns=-"), (12, b"v=0\r\ns=-\r\n")],
    )
    def test_line_ends_as_its_length_says(self, length: int, body: bytes) -> None:
        found = one(with_body("application/sdp", length, "v=0\ns=-\n"))
        assert body_of(found) == body
        assert found.fault == ""

    def test_unix_line_ends_as_its_length_says(self) -> None:
        found = one(with_body("text/plain", 12, "one\ntwo\nsix\n"))
        assert body_of(found) == b"one\ntwo\nsix\n"
        found = one(with_body("text/plain", 11, "one\ntwo\nsix\n"))
        assert body_of(found) == b"one\ntwo\nsix"

    def test_ends_without_a_line_end(self) -> None:
        found = one(with_body("text/plain", 7, "a\nb\nc\nlog\n"))
        assert body_of(found) == b"a\r\nb\r\nc"

    def test_length_is_put_right(self) -> None:
        found = one(with_body("application/sdp", 30, "v=0\nc=IN IP4 x\n"))
        assert b"Content-Length: 17\r\n" in found.data
        assert found.fault == ""

    def test_missing_is_a_fault(self) -> None:
        found = one(with_body("application/sdp", 300, "v=0\n"))
        assert found.fault == "only 5 of the 300 octets of its body are in the text"
        assert body_of(found) == b"v=0\r\n"

    def test_left_out_is_a_fault(self) -> None:
        found = one(with_body("application/sdp", 14, "v=0\n[...]\ns=-\n"))
        assert found.fault == "something was left out of it in the text"

    def test_wrapped_sdp(self) -> None:
        found = one(with_body("application/sdp", 30, "v=0\na=fmtp:101 0-15\nmore\n\ntext"))
        assert body_of(found) == b"v=0\r\na=fmtp:101 0-15 more\r\n"

    def test_without_the_empty_line(self) -> None:
        text = with_body("application/sdp", 10, "v=0\ns=-\n").replace("\n\n", "\n")
        assert body_of(one(text)) == b"v=0\r\ns=-\r\n"

    def test_message_in_a_message(self) -> None:
        found = one(with_body("message/sipfrag", 16, "SIP/2.0 200 OK\n"))
        assert body_of(found) == b"SIP/2.0 200 OK\r\n"

    def test_empty_lines_in_it(self) -> None:
        found = one(with_body("text/plain", 12, "one\n\n\ntwo\n\n\nlog"))
        assert body_of(found) == b"one\r\n\r\n\r\ntwo"[:12] or body_of(found).startswith(
            b"one\r\n\r\n"
        )

    def test_empty_lines_behind_it_are_dropped(self) -> None:
        found = one(with_body("text/plain", 30, "one\n\n\n2026-01-05 10:00:00 log"))
        assert body_of(found) == b"one\r\n\r\n\r\n"
        text = with_body("text/plain", "", "one\n\n-----\n").replace("Content-Length: \n", "")
        assert body_of(one(text)) == b"one\r\n"

    def test_without_length_ends_at_a_rule(self) -> None:
        text = with_body("text/plain", "", "one\n\ntwo\n-----\nthree\n")
        found = one(text.replace("Content-Length: \n", ""))
        assert body_of(found) == b"one\r\n\r\ntwo\r\n"

    def test_of_an_unknown_kind_ends_at_the_next_message(self) -> None:
        first, second = seen(
            read_text((with_body("text/plain", 99, "one\n") + OPTIONS).split("\n"))
        )
        assert "only 5" in first.fault
        assert second.fault == ""

    def test_octets_are_counted_not_characters(self) -> None:
        found = one(with_body("text/plain", 9, "grüße\nlog\n"))
        assert body_of(found) == "grüße\r\n".encode()


class TestHead:
    def test_folded_and_wrapped_lines_are_joined(self) -> None:
        text = OPTIONS.replace("UDP 192", "UDP\n 192").replace("branch=", "branch=\n")
        assert one(text).data == one(OPTIONS).data

    def test_start_line_wrapped(self) -> None:
        assert one(OPTIONS.replace(" SIP/2.0\nVia", "\nSIP/2.0\nVia")).data == one(OPTIONS).data

    def test_an_address_at_the_beginning_of_a_line_is_no_header(self) -> None:
        text = OPTIONS.replace("To: <sip:bob@192.0.2.2>", "To:\nsip:bob@192.0.2.2")
        assert b"To: sip:bob@192.0.2.2\r\n" in one(text).data

    def test_a_blank_line_behind_every_line(self) -> None:
        text = with_body("application/sdp", 10, "v=0\ns=-\n").replace("\n", "\n\n")
        assert one(text).data == one(with_body("application/sdp", 10, "v=0\ns=-\n")).data

    def test_left_out_headers_are_a_fault(self) -> None:
        found = one(OPTIONS.replace("Max-Forwards: 70", "..."))
        assert found.fault == "something was left out of it in the text"
        assert found.message is not None

    def test_what_is_wrong_with_it_is_told(self) -> None:
        found = one(OPTIONS.replace("Call-ID: c1\n", ""))
        assert found.fault == "call-id: no Call-ID"
        assert isinstance(found.message, Request)

    def test_response_with_a_fault_is_still_one(self) -> None:
        text = OPTIONS.replace("OPTIONS sip:bob@192.0.2.2 SIP/2.0", "SIP/2.0 200 OK")
        found = one(text.replace("Call-ID: c1\n", ""))
        assert isinstance(found.message, Response)
        assert (found.message.status, found.fault) == (200, "call-id: no Call-ID")

    def test_line_about_a_message_is_none(self) -> None:
        lines = ["got INVITE sip:a@example.com SIP/2.0", "Note: nothing", "", "SIP/2.0 200 OK"]
        (trouble,) = read_text(lines)
        assert trouble == Trouble(0.0, (), "no SIP message in 4 lines of text")

    def test_web_page(self) -> None:
        text = OPTIONS.replace("<", "&lt;").replace(">", "&gt;")
        assert one(text).data == one(OPTIONS).data

    def test_json_of_a_logger(self) -> None:
        line = (
            '{"m": "' + OPTIONS.replace("<sip", '\\"A\\" <sip').replace("\n", "\\r\\n") + '\\r\\n"}'
        )
        assert b'From: "A" <sip:alice' in one(line).data

    def test_too_long_is_cut(self) -> None:
        found = one(OPTIONS.replace("Max", "X: " + "y" * 60000 + "\nMax") + "X: y\n" * 9)
        assert found.fault == ""
        lines = OPTIONS.split("\n")[:6] + ["X: " + "y" * 50000] * 20
        (first, *_) = seen(read_text(lines))
        assert first.fault
        assert len(first.data) < LONGEST + 60000

    def test_journald_indents_what_follows(self) -> None:
        first, *rest = OPTIONS.split("\n")
        prefix = "Jan 05 10:00:01 a b[7]: "
        lines = [prefix + first, *[" " * len(prefix) + line for line in rest]]
        (found,) = seen(read_text(lines))
        assert found.data == one(OPTIONS).data

    def test_a_log_line_with_the_next_message_is_no_header(self) -> None:
        text = OPTIONS.rstrip("\n") + "\nlog: " + OPTIONS
        assert len(seen(read_text(text.split("\n")))) == 2

    def test_too_many_headers_are_told(self) -> None:
        found = one(OPTIONS.replace("Max-", "X: 1\n" * 300 + "Max-"))
        assert found.fault == "more than 256 header lines"

    def test_half_a_character(self) -> None:
        assert b"X: \xed\xa0\x80\r\n" in one(OPTIONS.replace("Max", "X: \ud800\nMax")).data
        assert b"X: \xff\r\n" in one(OPTIONS.replace("Max", "X: \udcff\nMax")).data

    def test_a_request_that_is_not_wrapped(self) -> None:
        assert one("OPTIONS sip:bob@192.0.2.2\n" + OPTIONS).frames == (2,)


class TestOrder:
    def messages(self, *times: str) -> list[str]:
        return [
            line
            for number, time in enumerate(times, start=1)
            for line in [time, *OPTIONS.replace("c1", f"c{number}").split("\n")]
        ]

    def calls(self, lines: list[str]) -> list[tuple[float, str]]:
        found = seen(read_text(lines))
        return [(item.at, item.message.call_id) for item in found if item.message is not None]

    def test_two_logs_become_one(self) -> None:
        lines = self.messages(
            "2026-01-05 10:00:01", "2026-01-05 10:00:03", "2026-01-05T12:00:02+02:00"
        )
        assert self.calls(lines) == [
            (MORNING + 1, "c1"),
            (MORNING + 2, "c3"),
            (MORNING + 3, "c2"),
        ]

    def test_midnight(self) -> None:
        assert self.calls(self.messages("23:59:59.5", "00:00:01")) == [
            (86399.5, "c1"),
            (86401.0, "c2"),
        ]

    def test_a_date_that_comes_late_is_that_of_the_times_before(self) -> None:
        lines = self.messages("", "23:59:59", "2026-01-05 00:00:01")
        midnight = MORNING - 36000
        assert self.calls(lines) == [
            (midnight - 1, "c1"),
            (midnight - 1, "c2"),
            (midnight + 1, "c3"),
        ]

    def test_the_window_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "WINDOW", 2)
        given: list[int] = []

        def lines() -> Iterator[str]:
            for number, line in enumerate(OPTIONS.split("\n") * 10):
                given.append(number)
                yield line

        items = read_text(lines())
        next(items)
        assert len(given) < 5 * len(OPTIONS.split("\n"))

    def test_times_that_are_none(self) -> None:
        lines = self.messages("2026-99-99 10:00:00", "Feb 31 10:00:00", "9999999999999.000 1:2:3")
        assert [at for at, _ in self.calls(lines)] == [0.0, 0.0, 0.0]


class TestSides:
    def ways(self, *texts: str) -> list[str]:
        found = seen(read_text("\n".join(texts).split("\n")))
        return [f"{item.transport} {item.source} {item.target}" for item in found]

    def test_nothing_told(self) -> None:
        assert self.ways("note: this", OPTIONS) == ["udp 192.0.2.1:5060 192.0.2.2:5060"]

    def test_response_alone(self) -> None:
        text = OPTIONS.replace("OPTIONS sip:bob@192.0.2.2 SIP/2.0", "SIP/2.0 200 OK")
        text = text.replace("192.0.2.1;", "192.0.2.1:7;rport=9;received=203.0.113.1;")
        assert self.ways(text) == ["udp 192.0.2.2:5060 203.0.113.1:9"]

    def test_only_what_came_in(self) -> None:
        text = OPTIONS.replace("bob@192.0.2.2 ", "example.com ")
        assert self.ways("received from tcp:203.0.113.1:9", text) == ["tcp 203.0.113.1:9 here:5060"]

    def test_the_route_goes_first(self) -> None:
        text = OPTIONS.replace("Max-", "Route: <sip:192.0.2.9:5062;lr>\nMax-")
        assert self.ways(text) == ["udp 192.0.2.1:5060 192.0.2.9:5062"]

    def test_the_first_verb_counts(self) -> None:
        assert self.ways("sent what was received to 203.0.113.1:9", OPTIONS) == [
            "udp 192.0.2.1:5060 203.0.113.1:9"
        ]

    def test_ipv6(self) -> None:
        text = OPTIONS.replace("192.0.2.2", "[2001:db8::2]")
        assert self.ways("[2001:db8::1]:5060 -> [2001:db8::2]:5062", text) == [
            "udp [2001:db8::1]:5060 [2001:db8::2]:5062"
        ]
        assert self.ways("send 9 bytes to tls/[2001:db8::2] at 1:00:00", text) == [
            "tls 192.0.2.1:5061 [2001:db8::2]:5061"
        ]

    def test_a_mark_is_forgotten(self) -> None:
        notes = "\n".join(f"note {number}" for number in range(9))
        assert self.ways("sent to 203.0.113.1:9", notes, OPTIONS) == [
            "udp 192.0.2.1:5060 192.0.2.2:5060"
        ]

    def test_without_a_via_that_can_be_read(self) -> None:
        text = OPTIONS.replace("SIP/2.0/UDP 192.0.2.1", "x")
        assert self.ways("sent to 203.0.113.1:9", text) == ["udp here:5060 203.0.113.1:9"]
        assert self.ways("received from 203.0.113.1:9", text) == [
            "udp 203.0.113.1:9 192.0.2.2:5060"
        ]
        assert self.ways(text) == ["udp elsewhere:5060 192.0.2.2:5060"]

    def test_who_answers_is_who_wrote_the_log(self) -> None:
        request = OPTIONS.replace("bob@192.0.2.2 ", "example.com ")
        answer = OPTIONS.replace("OPTIONS sip:bob@192.0.2.2 SIP/2.0", "SIP/2.0 200 OK")
        answer = answer.replace("Max-Forwards: 70", "Contact: <sip:bob@192.0.2.2:5062>")
        assert self.ways("received:", request, "sent:", answer) == [
            "udp 192.0.2.1:5060 192.0.2.2:5062",
            "udp 192.0.2.2:5062 192.0.2.1:5060",
        ]
        # The contacts of a registration are those of others, and names tell nothing.
        other = answer.replace("1 OPTIONS", "1 REGISTER")
        assert self.ways("received:", request, "sent:", other)[0] == "udp 192.0.2.1:5060 here:5060"
        named = answer.replace("192.0.2.2:5062", "example.com")
        assert self.ways("received:", request, "sent:", named)[0] == "udp 192.0.2.1:5060 here:5060"
        broken = answer.replace("<sip:bob@192.0.2.2:5062>", "<<")
        assert self.ways("received:", request, "sent:", broken)[0] == "udp 192.0.2.1:5060 here:5060"

    def test_what_is_remembered_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        answer = OPTIONS.replace("OPTIONS sip:bob@192.0.2.2 SIP/2.0", "SIP/2.0 200 OK")
        request = OPTIONS.replace("bob@192.0.2.2 ", "bob@192.0.2.3 ")
        other = OPTIONS.replace("hG4bK1", "hG4bK2")
        assert self.ways(request, other, answer)[2] == "udp 192.0.2.3:5060 192.0.2.1:5060"
        monkeypatch.setattr(text_sides, "_REMEMBERED", 1)
        assert self.ways(request, other, answer)[2] == "udp 192.0.2.2:5060 192.0.2.1:5060"

    @pytest.mark.parametrize("out", [True, False, None])
    def test_no_message_at_all(self, out: bool | None) -> None:
        sides = Sides()
        source, target = sides.settle(sides.find(None, Mark(out)))
        assert {source.host, target.host} == {"here", "elsewhere"}
        assert (source.host == "here") == (out is True)


def test_looks_like_text() -> None:
    assert looks_like_text((SAMPLES / "sipp.txt").read_bytes())
    assert not looks_like_text(b"\xd4\xc3\xb2\xa1\x02\0SIP/2.0 200 OK")
    assert not looks_like_text(b'{"at": 1}')


LINES = st.sampled_from(
    [
        *OPTIONS.split("\n"),
        "",
        " ",
        "v=0",
        "> Via: x",
        "SIP/2.0 200 OK",
        "> SIP/2.0 200 OK",
        "Content-Length: 5",
        "Content-Length: 99999999999",
        "l: 20",
        "Content-Type: application/sdp",
        "c: message/sipfrag",
        "recv 9 bytes from udp/[1.2.3.4]:99999 at 99:99:99",
        "U 2026/01/01 00:00:00 1.2.3.4:5 -> 6.7.8.9:10 #1",
        "INVITE sip:a SIP/2.0.",
        "srcip: x",
        "dstport: 5",
        "...",
        "-----",
        "x SIP/2.0 100 \\r\\nVia: a\\r\\nSIP/2.0 100 \\r\\nVia: b",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(LINES | st.text(max_size=40) | st.binary(max_size=60), max_size=40))
def test_never_raises(lines: list[bytes | str]) -> None:
    items = list(read_text(lines))
    times = [item.at for item in items]
    assert times == sorted(times)
    for item in items:
        assert isinstance(item, Seen | Trouble)
        if isinstance(item, Seen):
            assert 0 <= item.source.port <= 65535
            assert item.data


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_never_raises_on_a_damaged_sample(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([name for name, _ in KNOWN]))
    text = bytearray((SAMPLES / f"{name}.txt").read_bytes())
    for _ in range(data.draw(st.integers(0, 20))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    list(read_text(bytes(text).split(b"\n")))
