"""What may be shown of text from the wire: nothing that moves a cursor, and no secret."""

import pytest

from ringway.explain.text import escape, masked, masked_message
from ringway.message import parse_datagram


class TestMasked:
    """RFC 7616 §5: a response and its nonce are all that a password can be tried against."""

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ('Digest realm="al", nonce="abc", uri="x"', 'Digest realm="al", nonce=…, uri="x"'),
            ('response="0123456789abcdef"', "response=…"),
            ("response=0123456789abcdef, nc=00000001", "response=…, nc=00000001"),
            ('x Response = "01\\"23", cnonce="k"', "x Response=…, cnonce=…"),
            ('not a header line: \'nonce="abc', "not a header line: 'nonce=…"),
            ('opaque="o", nextnonce="n"', "opaque=…, nextnonce=…"),
            ("Authorization: Basic YWxpY2U6c2VjcmV0", "Authorization: Basic …"),
            ("authorization bearer abc.def-_", "authorization bearer …"),
            ("SIP:alice:secret@example.com", "SIP:alice:…@example.com"),
            ("sip:alice:secret@example.com asks", "sip:alice:…@example.com asks"),
            ("<sips:alice:p%40ss;x@example.com>", "<sips:alice:…@example.com>"),
            ("<sip:alice;isub=1:secret@example.com>", "<sip:alice;isub=1:…@example.com>"),
            ("<sip:alice:se/cret@example.com>", "<sip:alice:…@example.com>"),
            ("response='0123456789abcdef'", "response=…"),
            ('rspauth="0123456789abcdef", qop=auth', "rspauth=…, qop=auth"),
            ('ck="00", ik="11", auts="22"', "ck=…, ik=…, auts=…"),
            ('NTLM gssapi-data="abc", realm="r"', 'NTLM gssapi-data=…, realm="r"'),
            ("Authorization:Basic YWxpY2U6c2VjcmV0", "Authorization:Basic …"),
            ("authorization : basic\tYWxpY2U=", "authorization : basic\t…"),
            ("Proxy-Authorization: Negotiate abc, def", "Proxy-Authorization: Negotiate …"),
            ("Authorization: abcdef", "Authorization: …"),
            (r"no: 'Authorization\r\n Basic YWxp'", r"no: 'Authorization\r\n Basic …'"),
            ("<sip:a@b?Authorization=Digest%20response%3D%22f0%22>", "<sip:a@b?Authorization=…>"),
            ("<sip:a@b;access_token=abc>", "<sip:a@b;access_token=…>"),
            ('{"password": "abc"}', '{"password": …}'),
            ("<password>abc</password>", "<password>…</password>"),
            ("Cookie: a=b; c=d\nTo: x", "Cookie: …\nTo: x"),
            ("X-Auth-Token: abc", "X-Auth-Token: …"),
            ("a=ice-pwd:abc", "a=ice-pwd:…"),
            ("k=clear:abc\nk=base64:abc", "k=clear:…\nk=base64:…"),
            ("a=key-mgmt:mikey AQAF", "a=key-mgmt:mikey …"),
            ("a=crypto:1 X inline: ab-c_d|2^20", "a=crypto:1 X inline: …|2^20"),
            ("Content-Disposition: inline", None),
            ("a request without Authorization is challenged: 401", None),
            ("Authorization is missing, the response is 401", None),
            ("sip:p.example.com;lr,sip:bob@b", None),
            ("sip:alice@example.com:5060 asks for sip:bob@x", None),
            ("response 486 to INVITE; nonsense = 1", None),
            ("the basic call went on", None),
        ],
    )  # fmt: skip
    def test_secrets_are_left_out(self, text: str, shown: str | None) -> None:
        assert masked(text) == (text if shown is None else shown)
        if "\n" not in text and "\t" not in text:
            assert escape(text) == (text if shown is None else shown)

    def test_before_the_text_is_cut(self) -> None:
        """A secret that is cut short is one that is half told."""
        assert escape('nonce="abcdefgh"', 10) == "nonce=…"

    def test_a_long_one_costs_no_more(self) -> None:
        assert escape("nonce=" * 20_000, longest=0)
        assert escape('response="' * 20_000, longest=0)
        assert escape("sip:a:" * 20_000, longest=0)
        assert escape("authorization:" * 20_000, longest=0)
        assert escape("Authorization: x" + "\r\n " * 20_000, longest=0)
        assert escape("token-" * 20_000, longest=0)


class TestMaskedMessage:
    HEAD = (
        "REGISTER sip:example.com SIP/2.0\r\n"
        "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
        "From: <sip:alice:secret@example.com>;tag=1\r\nTo: <sip:alice@example.com>\r\n"
        "Call-ID: c\r\nCSeq: 1 REGISTER\r\n"
        'Authorization: Digest username="alice", realm="r", nonce="{}", response="f00d"\r\n'
    )

    def shown(self, nonce: str, body: str = "") -> str:
        length = len(body.encode())
        message = f"{self.HEAD.format(nonce)}Content-Length: {length}\r\n\r\n{body}"
        return masked_message(message.encode())

    def test_it_can_still_be_read(self) -> None:
        body = (
            "v=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJh|2^20\r\n"
            'x password="ängstlich" y\r\n'
        )
        shown = self.shown("abc", body)
        for secret in ("abc", "f00d", "secret", "d0Rm", "ngst"):
            assert secret not in shown
        message = parse_datagram(shown.encode())
        assert (message.get("authorization") or "").startswith('Digest username="alice", realm="r"')
        assert len(message.body) == len(body.encode())
        assert message.body.endswith(b" y\r\n")

    @pytest.mark.parametrize(
        "lines",
        [
            'Authorization: Digest realm="r", response=\r\n "F00D"',
            'Authorization: Digest realm="r", response\r\n\t= "F00D"',
            "Authorization:\r\n Basic F00D",
            "Authorization: Basic\r\n F00D",
            "Authorization: Token x,\r\n F00D",
            "Cookie: a=b;\r\n c=F00D",
        ],
    )
    def test_folded_lines(self, lines: str) -> None:
        """RFC 3261 §7.3.1: a value goes on where the next line begins with white space."""
        shown = masked_message(f"INFO sip:a@b SIP/2.0\r\n{lines}\r\nTo: x\r\n\r\n".encode())
        assert "F00D" not in shown
        assert shown.endswith("\r\nTo: x\r\n\r\n")

    def test_addresses_in_a_body(self) -> None:
        body = "<contact>sip:alice:secret@example.com</contact>"
        assert self.shown("abc", body).endswith("sip:alice:******@example.com</contact>")

    def test_the_same_nonce_is_told_from_another(self) -> None:
        assert self.shown("abc") == self.shown("abc") != self.shown("abd")

    def test_octets_that_are_no_text(self) -> None:
        data = b"INFO sip:a@b SIP/2.0\r\nSubject: \xff\r\n\r\n\xfe"
        assert masked_message(data).encode("utf-8", "surrogateescape") == data
