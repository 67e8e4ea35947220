"""The flows of RFC 3665 as captures: its text, taken apart into messages with their places.

A line as `F7 INVITE Proxy 2 -> Bob` names what follows; `Same as Message F1` repeats it, as its
timer would. Everybody has an address of his own, the messages come 10 ms apart.
"""

from __future__ import annotations

import re
from pathlib import Path

from ringway.capture.items import Item, Seen
from ringway.capture.lenient import read_message
from ringway.transport.flow import Address

TEXT = Path(__file__).parents[6] / "shared/corpora/rfc/rfc3665.txt"

_PAGE = re.compile(r"\n*Johnston, et al\. .*\n\f?\n*RFC 3665 .*\n*")
_SECTION = re.compile(r"^([23]\.\d+)\.  (.+)$", re.MULTILINE)
_NAME = re.compile(r"^   F(\d+) (.+) -> (.+)$", re.MULTILINE)
_NEXT = re.compile(r"^[34]\.  \w", re.MULTILINE)
_AGAIN = re.compile(r"(?:Same as|Resend of) Message F(\d+)")
_PLACES = (
    "Alice",
    "Bob",
    "Proxy 1",
    "Proxy 2",
    "Proxy 3",
    "SIP Server",
    "SIP ALG",
    "Redirect Server",
)
_WAITS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)


def flows() -> dict[str, list[Item]]:
    """Return the flows by the number of their section."""
    text = _PAGE.sub("\n", TEXT.read_text(encoding="ascii"))
    text = text[text.rindex("1.  Overview") :]
    parts = _SECTION.split(text)[1:]
    return {
        number: _items(body)
        for number, _, body in zip(parts[::3], parts[1::3], parts[2::3], strict=True)
        if "Message Details" in body
    }


def _items(body: str) -> list[Item]:
    body = _NEXT.split(body[body.index("Message Details") :])[0]
    names = list(_NAME.finditer(body))
    items: list[Item] = []
    known: dict[str, bytes] = {}
    now, repeats = 1_000_000.0, 0
    for name, after in zip(names, [*names[1:], None], strict=True):
        content = body[name.end() : after.start() if after else len(body)]
        again = _AGAIN.search(content)
        data = known[again[1]] if again else _message(content)
        known[name[1]] = data
        repeats = repeats + 1 if again else 0
        now += _WAITS[repeats - 1] if again else 0.01
        message, fault = read_message(data)
        transport = "udp" if b"SIP/2.0/UDP" in data else "tls" if b"/TLS" in data else "tcp"
        ends = _place(name[2]), _place(name[3])
        items.append(Seen(now, (len(items) + 1,), transport, *ends, message, fault, data))
    return items


def _message(content: str) -> bytes:
    """Return the octets of a message: what is indented, up to a comment.

    A missing empty line, a blank too many and a folded line without its blank are put right.
    """
    content = content.partition("/*")[0]
    lines = [line[3:].rstrip() for line in content.strip("\n").split("\n")]
    text = re.sub(r"\n{2,}", "\n\n", "\n".join(lines)).strip("\n")
    text = text.replace("SIP/2.0  ", "SIP/2.0 ").replace("\n<sip", "\n <sip")
    text = re.sub(r"(?<!\n)\nv=0", "\n\nv=0", text)
    head, _, body = text.partition("\n\n")
    # A page may end within a head.
    while body and re.match(r"[A-Z][A-Za-z-]+:", body):
        more, _, body = body.partition("\n\n")
        head += "\n" + more
    body = body.replace("\n\n", "\n")
    data = (body + "\n").replace("\n", "\r\n").encode() if body else b""
    return (head.replace("\n", "\r\n") + "\r\n\r\n").encode() + data


def _place(name: str) -> Address:
    found = max((each for each in _PLACES if name.strip().endswith(each)), key=len, default="")
    if name.strip().endswith("Redirect Proxy"):
        found = "Redirect Server"
    elif name.strip().endswith("OK Proxy"):
        found = "Proxy 3"
    return Address(f"192.0.2.{_PLACES.index(found) + 1}", 5060)
