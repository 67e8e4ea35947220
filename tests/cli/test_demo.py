"""The demonstration comes out as promised, on real sockets, and fails loudly when it does not."""

import asyncio

import pytest

from ringway.cli.demo.script import DemoFailedError, Demonstration
from ringway.proxy.target import Target


def run_demo() -> list[str]:
    lines: list[str] = []
    asyncio.run(Demonstration(lines.append).run())
    return lines


def test_every_call_arrives_and_the_story_is_told() -> None:
    lines = run_demo()
    text = "\n".join(lines)
    assert lines[-1] == "Four calls, two dead connections, one move: every call arrived."
    assert "302 Moved Temporarily" in text
    assert "recover" in text
    assert "RFC 5626 §7" in text


@pytest.mark.interpreted
def test_a_server_that_does_not_try_the_next_flow_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Target, "has_alternative", lambda _self, _now: False)
    with pytest.raises(DemoFailedError, match="BYE was answered with 480"):
        run_demo()
