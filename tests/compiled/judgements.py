"""What the parser makes of thousands of damaged messages, a line each.

python -m tests.compiled.judgements COUNT
"""

import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.fuzz.fuzz_parser import TYPED

from ringway.errors import ParseError
from ringway.message import Request, Response, parse_datagram, parse_stream_message, parser
from ringway.transport.framing import StreamFramer

_SEEDS = Path(__file__).parents[1] / "fuzz" / "corpus" / "parser"
_PIECES = (
    b"\r\n",
    b"\n",
    b"\0",
    b'"',
    b"<",
    b">",
    b";",
    b",",
    b"@",
    b"=",
    b" ",
    b"\xff",
    b"9" * 12,
)


def damaged(count: int) -> Iterator[bytes]:
    """Yield the same messages in every run."""
    chance = random.Random(430)
    seeds = [path.read_bytes() for path in sorted(_SEEDS.iterdir())]
    for _ in range(count):
        data = bytearray(chance.choice(seeds))
        for _ in range(chance.randrange(4)):
            at = chance.randrange(len(data) + 1)
            match chance.randrange(4):
                case 0:
                    data[at:at] = chance.choice(_PIECES)
                case 1:
                    del data[at : at + chance.randrange(1, 9)]
                case 2:
                    data[at : at + 1] = bytes((chance.randrange(256),))
                case _:
                    other = chance.choice(seeds)
                    data[at:] = other[chance.randrange(len(other) + 1) :]
        yield bytes(data)


def judged(data: bytes) -> str:
    """Return what becomes of it, as a datagram and in a stream."""
    head, middle, body = data.partition(b"\r\n\r\n")
    found = [_read(lambda: parse_datagram(data))]
    found.append(_read(lambda: parse_stream_message(head + middle, body)))
    found.append(repr(StreamFramer().feed(data)))
    return " | ".join(found)


def _read(parse: Callable[[], Request | Response]) -> str:
    try:
        message = parse()
    except ParseError as error:
        request = error.message
        answer = request.to_bytes() if isinstance(request, Request) else b""
        return f"{error} {error.status} {error.header} {answer!r}"
    return f"{message.to_bytes()!r} " + " ".join(_value(message, name) for name in TYPED)


def _value(message: Request | Response, name: str) -> str:
    try:
        return repr(getattr(message, name))
    except ParseError as error:
        return repr(str(error))
    except AttributeError:  # of the other kind of message
        return "-"


if __name__ == "__main__":
    print(Path(parser.__file__).suffix)
    for each in damaged(int(sys.argv[1])):
        print(judged(each).encode("unicode_escape").decode())
