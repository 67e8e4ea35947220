"""What the endpoint asks of the shell, which drains ``Endpoint.take_commands`` after each input.

Named tuples for the same reason as events: one is made for each message sent. Do them in order.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import Any, NamedTuple

from ringway.message import Uri
from ringway.transport.flow import Flow, NextHop


class SendDatagram(NamedTuple):
    """Send from the socket bound to ``flow.local`` to ``flow.remote``.

    If the network says that nobody is there, call ``Endpoint.datagram_failed``.
    """

    flow: Flow
    data: bytes


class SendStream(NamedTuple):
    """Write to an open connection; the bytes are framed already."""

    flow: Flow
    data: bytes


class CloseFlow(NamedTuple):
    """Close a connection once what was written is out.

    The endpoint has forgotten the flow already; telling it ``flow_closed`` is harmless.
    """

    flow: Flow
    reason: str


class Connect(NamedTuple):
    """Open a connection, then call ``flow_opened`` with this target, or ``connect_failed``."""

    target: NextHop


class Resolve(NamedTuple):
    """Locate the next hops of a URI (RFC 3263), then call ``Endpoint.resolved`` with the key."""

    uri: Uri
    key: int


class Run(NamedTuple):
    """Await what ``work`` returns for at most ``seconds``, then call ``done(result, error, now)``.

    ``error`` is None, or what was raised; a TimeoutError when the time was up. Not called at all
    after ``Abandon``.
    """

    key: Hashable
    work: Callable[[], Awaitable[Any]]
    done: Callable[[Any, Exception | None, float], None]
    seconds: float


class Abandon(NamedTuple):
    """Cancel the ``Run`` with this key; nobody waits for it any more."""

    key: Hashable
