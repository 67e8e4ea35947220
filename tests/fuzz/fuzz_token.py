"""Fuzzes flow tokens: what is not ours opens nothing, and only its own errors come out.

python -m tests.fuzz.fuzz_token [CORPUS...]      with atheris installed
python -m tests.fuzz.fuzz_token FILE...          without: runs the files once
"""

from tests.fuzz.target import run_target

from ringway.errors import TokenGone, TokenTampered
from ringway.transport.flow import Address, Flow
from ringway.transport.token import KEY_LENGTH, FlowToken, Purpose, Sealer, TokenKeys, purpose_of

CALL_ID = "a84b4c76e66710@pc33"
PLACE = "192.0.2.9:5060"
SEALER = Sealer(TokenKeys({7: bytes(range(KEY_LENGTH))}, 7), "edge")
FLOW = Flow("wss", Address("10.0.0.1", 443), Address("2001:db8::9", 51_000), 123_456)
SIDE = FlowToken(Purpose.RECORD_ROUTE, "edge", FLOW, "sip:bob@example.com", "<urn:x:1>")
OURS = {
    SEALER.seal_path(FLOW): Purpose.PATH,
    SEALER.seal_record_route(None, CALL_ID): Purpose.RECORD_ROUTE,
    SEALER.seal_record_route(None, CALL_ID, place=PLACE): Purpose.RECORD_ROUTE,
    SEALER.seal(SIDE, CALL_ID): Purpose.RECORD_ROUTE,
    SEALER.mark_dialog(CALL_ID, PLACE): Purpose.DIALOG,
}


def check(data: bytes) -> None:
    """Run one input: it is the user part of a Route."""
    text = data.decode("utf-8", "surrogateescape")
    kind = purpose_of(text)
    if text in OURS and kind is not OURS[text]:
        raise AssertionError("one of ours is not known")
    for purpose in (Purpose.PATH, Purpose.RECORD_ROUTE):
        try:
            SEALER.open(text, purpose, CALL_ID)
        except (TokenGone, TokenTampered):
            if OURS.get(text) is purpose:
                raise AssertionError("one of ours does not open") from None
        else:
            if OURS.get(text) is not purpose:
                raise AssertionError("what is not ours opens")
    try:
        vouched = SEALER.vouches(text, CALL_ID, PLACE)
    except TokenTampered:
        vouched = False
    if vouched is not (OURS.get(text) is Purpose.DIALOG):
        raise AssertionError("a mark that is not ours counts, or one of ours does not")


if __name__ == "__main__":
    run_target(check)
