"""What a running server answers on its control socket, one JSON object a line each way.

    {"ask": "bindings", "aor": "sip:alice@example.com"}         aor may be left out
    {"ask": "redirects", "aor": "alice"}                        aor may be left out
    {"ask": "redirect-set", "aor": "alice", "to": ["sip:alice@hotel.example"], "status": 302,
     "when": "always", "seconds": 7200}                         the last three may be left out
    {"ask": "redirect-clear", "aor": "alice", "when": "busy"}   when may be left out

The answer is {"result": ...} or {"error": "what was wrong"}. `ringway bindings` and
`ringway redirect` are its users; so may be an operator's scripts.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from ringway.errors import ParseError, StoreError
from ringway.location import Binding, RedirectRule, When
from ringway.server.wiring import in_order

if TYPE_CHECKING:
    from ringway.server.server import Server

__all__ = [
    "Conversation",
    "answer",
    "binding_facts",
    "read_when",
    "redirect_facts",
]

LONGEST_LINE: Final = 65_536

Spawn = Callable[[Coroutine[object, object, None]], object]


async def answer(server: Server, question: object) -> object:
    """Do what is asked and return the result.

    Raises:
        ValueError, ParseError: the question makes no sense; the message says why.
        StoreError: it could not be kept.
    """
    if not isinstance(question, dict):
        raise ValueError("a question is an object")  # noqa: TRY004 - told like any other fault
    ask = question.get("ask")
    aor = _text(question, "aor")
    if ask == "bindings":
        now = server.clock()
        return [binding_facts(binding, now) for binding in server.bindings(aor)]
    if ask == "redirects":
        now = server.clock()
        return [redirect_facts(rule, now) for rule in server.redirects(aor)]
    if ask not in {"redirect-set", "redirect-clear"}:
        raise ValueError(f"nothing to ask: {ask!r}")
    if not aor:
        raise ValueError("whose redirect? aor is missing")
    when = read_when(str(question["when"])) if question.get("when") else None
    if ask == "redirect-clear":
        return await server.clear_redirects(aor, when)
    rule = await server.set_redirect(
        aor,
        in_order([str(uri) for uri in question.get("to", ())]),
        seconds=None if question.get("seconds") is None else float(question["seconds"]),
        status=int(question.get("status", 302)),
        when=when or When.ALWAYS,
    )
    return redirect_facts(rule, server.clock())


def read_when(text: str) -> When:
    """The case that a word names.

    Raises:
        ValueError: it names none; the message says which there are.
    """
    try:
        return When(text)
    except ValueError:
        allowed = ", ".join(when.value for when in When)
        raise ValueError(f"{text!r} is no case for a redirect; use one of {allowed}") from None


def binding_facts(binding: Binding, now: float) -> dict[str, object]:
    """A binding as values for JSON."""
    return {
        "aor": binding.aor,
        "contact": binding.contact,
        "q": binding.q,
        "expires_in": max(0, round(binding.expires_at - now)),
        "instance": binding.instance,
        "reg_id": binding.reg_id,
        "outbound": binding.outbound,
        "flow": "" if binding.flow is None else str(binding.flow),
        "path": list(binding.path),
        "user_agent": binding.user_agent,
    }


def redirect_facts(rule: RedirectRule, now: float) -> dict[str, object]:
    """A redirect rule as values for JSON."""
    return {
        "aor": rule.aor,
        "to": [uri for uri, _ in rule.targets],
        "status": rule.status,
        "when": rule.when.value,
        "ends_in": None if rule.until is None else max(0, round(rule.until - now)),
    }


class Conversation(asyncio.Protocol):
    """One client of the control socket: questions are answered in order.

    Args:
        server: who answers.
        spawn: runs the coroutine that answers.
    """

    def __init__(self, server: Server, spawn: Spawn) -> None:
        self._server = server
        self._spawn = spawn
        self._transport: asyncio.Transport | None = None
        self._unread = b""
        self._lines: list[bytes] = []
        self._answering = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, _error: Exception | None) -> None:
        """End; what is being answered is finished."""
        self._transport = None
        self._lines.clear()

    def data_received(self, data: bytes) -> None:
        """Take bytes, and answer each full line."""
        *lines, self._unread = (self._unread + data).split(b"\n")
        self._lines += lines
        if len(self._unread) > LONGEST_LINE and self._transport is not None:
            self._transport.abort()
        elif self._lines and not self._answering:
            self._answering = True
            self._spawn(self._answer())

    async def _answer(self) -> None:
        while self._lines:
            reply = await self._reply(self._lines.pop(0))
            if self._transport is not None:
                self._transport.write(json.dumps(reply).encode("ascii") + b"\n")
        self._answering = False

    async def _reply(self, line: bytes) -> dict[str, object]:
        try:
            return {"result": await answer(self._server, json.loads(line))}
        except (ValueError, TypeError, ParseError, StoreError) as error:
            return {"error": str(error)}


def _text(question: Mapping[str, Any], name: str) -> str | None:
    value = question.get(name)
    return None if value is None or value == "" else str(value)
