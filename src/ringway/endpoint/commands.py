"""What the endpoint asks of the shell, which drains ``Endpoint.take_commands`` after each input.

Named tuples for the same reason as events: one is made for each message sent. Do them in order.
"""

from __future__ import annotations

from typing import NamedTuple

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
