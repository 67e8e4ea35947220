import pytest

from ringway.codes import Source
from ringway.location import When
from ringway.proxy import Outcome
from ringway.server.failed import when_failed


@pytest.mark.parametrize(
    ("status", "source", "means"),
    [
        (503, Source.TRANSPORT, (When.UNREACHABLE,)),
        (408, Source.TIMER, (When.NO_ANSWER, When.UNREACHABLE)),
        (430, Source.RECEIVED, (When.UNREACHABLE,)),
        (486, Source.RECEIVED, (When.BUSY,)),
        (600, Source.RECEIVED, (When.BUSY,)),
        (487, Source.TIMER, (When.NO_ANSWER,)),
        (404, Source.RECEIVED, ()),
    ],
)
def test_what_a_failure_means(status: int, source: Source, means: tuple[When, ...]) -> None:
    assert when_failed(Outcome(status, source, "")) == means
