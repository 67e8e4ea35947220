"""What a Warning says of the ways that were tried."""

import pytest

from ringway.codes import Source
from ringway.proxy.outcome import Outcome, failure
from ringway.proxy.summary import NEXT_HOP, PHONE, PHONES, Tried, summary

CLOSED = Tried(failure(Source.TRANSPORT, "tcp 10.0.0.9:1 closed"), over_flow=True)
GONE = Tried(Outcome(430, Source.RECEIVED, "x"), over_flow=False)
REFUSED = Tried(failure(Source.TRANSPORT, "x"), over_flow=False)
SILENT = Tried(failure(Source.TIMER, "x"), over_flow=True)
BROKEN = Tried(Outcome(503, Source.RECEIVED, "x"), over_flow=True)


@pytest.mark.parametrize(
    ("tried", "whose", "text"),
    [
        ([CLOSED], PHONE, "the flow of this user's phone has closed"),
        ([CLOSED, GONE], PHONE, "both flows of this user's phone have closed"),
        ([CLOSED] * 3, PHONES, "all 3 flows of this user's phones have closed"),
        ([REFUSED], NEXT_HOP, "the next hop cannot be reached"),
        ([REFUSED] * 2, PHONES, "this user's phones cannot be reached in either way"),
        ([SILENT], PHONE, "this user's phone did not answer"),
        ([SILENT] * 3, PHONE, "this user's phone did not answer in any way"),
        ([BROKEN], PHONE, "this user's phone could not serve the request"),
        (
            [SILENT, CLOSED, GONE],
            PHONE,
            "of 3 ways to this user's phone: 2 closed, no answer on 1",
        ),
        (
            [REFUSED, BROKEN],
            PHONES,
            "of 2 ways to this user's phones: 1 not reached, 1 could not serve the request",
        ),
    ],
)
def test_summary(tried: list[Tried], whose: str, text: str) -> None:
    assert summary(tried, whose) == text
