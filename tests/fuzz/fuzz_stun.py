"""Fuzzes STUN: no datagram raises, an answer is STUN, and is not much longer than what asked.

python -m tests.fuzz.fuzz_stun [CORPUS...]      with atheris installed
python -m tests.fuzz.fuzz_stun FILE...          without: runs the files once
"""

from tests.fuzz.target import run_target

from ringway.transport.flow import Address
from ringway.transport.stun import binding_response, is_stun

SOURCES = (Address("192.0.2.1", 5060), Address("2001:db8::1", 65_535))
LONGEST = 64
"""Bytes that an answer may have more than its request: an address, or what is unknown."""


def check(data: bytes) -> None:
    """Run one input: it is a datagram."""
    if not is_stun(data):
        return
    for source in SOURCES:
        answer = binding_response(data, source)
        if answer is None:
            continue
        if not is_stun(answer) or answer[4:20] != data[4:20]:
            raise AssertionError("an answer that is none")
        if len(answer) > len(data) + LONGEST:
            raise AssertionError("an answer that makes more of what asked")
        if binding_response(answer, source) is not None:
            raise AssertionError("an answer that is answered")


if __name__ == "__main__":
    run_target(check)
