"""Names and numbers of people are left out, the same way everywhere."""

from __future__ import annotations

import pytest

from ringway.explain.observed.mask import Mask


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sip:alice@example.com", "sip:user1@example.com"),
        ("SIPS:alice@example.com", "SIPS:user1@example.com"),
        ("sip:alice:secret@example.com", "sip:user1@example.com"),
        ("tel:+1-415-555-0100", "tel:user1"),
        ('From: "Alice Smith" <sip:a@b>;tag=1', 'From: "…" <sip:user1@b>;tag=1'),
        ("From: Alice Smith <sip:a@b>;tag=1", "From: … <sip:user1@b>;tag=1"),
        ("From: <sip:a@b>;tag=1", "From: <sip:user1@b>;tag=1"),
        ("sip:192.0.2.1:5060;transport=tcp", "sip:192.0.2.1:5060;transport=tcp"),
        ("<sip:+1415;phone-context=a.b@c>", "<sip:user1@c>"),
        ("<sip:p.example.com;lr>,<sip:bob@b>", "<sip:p.example.com;lr>,<sip:user1@b>"),
        ("sip:p.example.com;lr,sip:bob@b", "sip:p.example.com;lr,sip:user1@b"),
        ('Digest username="1000", realm="a.b"', 'Digest username="user1", realm="a.b"'),
        ("v=0\r\no=alice 1 1 IN IP4 192.0.2.1", "v=0\r\no=user1 1 1 IN IP4 192.0.2.1"),
        ("o=- 1 1 IN IP4 192.0.2.1", "o=- 1 1 IN IP4 192.0.2.1"),
        ("Contact: <sip:a@b>, Bob <sip:c@d>", "Contact: <sip:user1@b>, … <sip:user2@d>"),
        ('Contact: <sip:a@b>;q=1,"Bob"<sip:c@d>', 'Contact: <sip:user1@b>;q=1,"…"<sip:user2@d>'),
        ("Contact: <sip:a@b>;x=y, <sip:c@d>", "Contact: <sip:user1@b>;x=y, <sip:user2@d>"),
        ('From: "Alice <sip:a@b>', 'From: "…" <sip:user1@b>'),
        ('From: "A\\"l, x" <sip:a@b>', 'From: "…" <sip:user1@b>'),
        ("To: x\r\nFrom: Al\r\n ice\r\n <tel:+123>", "To: x\r\nFrom: …\r\n <tel:user1>"),
        ('From: "Alice" <urn:service:sos>', 'From: "…" <urn:service:sos>'),
        ("its route set is <sip:p.example.com;lr>", "its route set is <sip:p.example.com;lr>"),
        ("<im:alice@example.com>", "<im:user1@example.com>"),
        ("<sip:al,ice@example.com>", "<sip:user1@example.com>"),
        ("<sip:al?ice@example.com>", "<sip:user1@example.com>"),
        ("<tel:%2B123;phone-context=x>", "<tel:user1;phone-context=x>"),
        ("<sip:a.b?From=%3Csip%3Aal%40c%3E>", "<sip:a.b?From=…>"),
        ("Digest username=1000, realm=x", "Digest username=user1, realm=x"),
        ("Digest username*=UTF-8''al, realm=x", "Digest username*=user1, realm=x"),
        ("s=-\r\ns=Call of Al\r\ne=al@b (Al)\r\np=+1 5", "s=-\r\ns=…\r\ne=…\r\np=…"),
        ("Subject: Al\r\nX-Caller-Name: Al", "Subject: …\r\nX-Caller-Name: …"),
        ("Identity: eyJhbGciOiJF.eyJvcmlnIjp7.c2ln;x", "Identity: eyJ…;x"),
        ("User-Agent: Al/1.0", "User-Agent: Al/1.0"),
        ("Via: SIP/2.0/UDP proxy.example.com", "Via: SIP/2.0/UDP proxy.example.com"),
    ],
)
def test_what_is_left_out(text: str, shown: str) -> None:
    assert Mask()(text) == shown


def test_the_same_name_is_the_same_word() -> None:
    mask = Mask()
    assert mask("sip:alice@a and sip:bobby@b") == "sip:user1@a and sip:user2@b"
    assert mask("alice calls bobby; sip:alice@c") == "user1 calls user2; sip:user1@c"
    assert mask(mask("sip:alice@a")) == "sip:user1@a"


def test_a_name_within_a_word_stays() -> None:
    mask = Mask()
    mask("sip:alice@a")
    assert mask("alices malice alice-x") == "alices malice alice-x"


def test_a_short_name_stays_in_running_text() -> None:
    mask = Mask()
    assert mask("sip:to@a goes to b") == "sip:user1@a goes to b"


def test_endless_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringway.explain.observed.mask._MOST", 2)
    mask = Mask()
    assert mask("sip:n1@a sip:n2@a sip:n3@a") == "sip:user1@a sip:user2@a sip:user@a"


def test_names_are_learnt_without_showing_the_text() -> None:
    mask = Mask()
    mask.learn('<sip:alice@a>, tel:+1415; username="bobby"\r\no=carol 1')
    assert mask("alice +1415 bobby") == "user1 user2 user3"


def test_a_name_at_the_end_of_a_sentence() -> None:
    mask = Mask()
    mask("<sip:+14155550100@a>")
    assert mask("Nobody reached +14155550100.") == "Nobody reached user1."


def test_hostile_text_takes_no_time() -> None:
    assert len(Mask()("sip:a:" * 20_000)) == 120_000
    for text in (
        ": a",
        '"\\a',
        ":a" + " " * 99,
        '"',
        "<sip:",
        "Al <sip:",
        'x" <sip:',
        "eyJ-",
        "\n ",
    ):
        assert Mask()("From: " + text * (200_000 // len(text)))


def test_a_body() -> None:
    mask = Mask()
    assert mask.body("application/sdp; x", "v=0") == "v=0"
    assert mask.body("text/plain", "Al was here") == "…"
    assert mask.body("", "") == ""


def test_a_short_name_by_itself() -> None:
    mask = Mask()
    assert mask.name("201") == mask.name("201") == "user1"
    assert mask.name("sip:201@a") == "sip:user1@a"
    assert mask.name("") == ""
