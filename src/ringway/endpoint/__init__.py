"""The endpoint: joins transport and transactions; the one place bytes become events."""

from ringway.endpoint.commands import (
    Abandon,
    CloseFlow,
    Connect,
    Resolve,
    Run,
    SendDatagram,
    SendStream,
)
from ringway.endpoint.decision import Decision, Kind
from ringway.endpoint.endpoint import Endpoint
from ringway.endpoint.events import (
    AckReceived,
    CancelReceived,
    Event,
    FlowClosed,
    FlowOpened,
    Owner,
    OwnerEvent,
    PongReceived,
    RequestFailed,
    RequestReceived,
    ResponseFailed,
    ResponseReceived,
    StunReceived,
    User,
    UserEvent,
)
from ringway.endpoint.schedule import Timer
from ringway.endpoint.settings import EndpointSettings, Listener
from ringway.endpoint.transactions import ClientTransaction, ServerTransaction
from ringway.endpoint.witness import Witnessed
from ringway.transaction import State, Timers

__all__ = [
    "Abandon",
    "AckReceived",
    "CancelReceived",
    "ClientTransaction",
    "CloseFlow",
    "Connect",
    "Decision",
    "Endpoint",
    "EndpointSettings",
    "Event",
    "FlowClosed",
    "FlowOpened",
    "Kind",
    "Listener",
    "Owner",
    "OwnerEvent",
    "PongReceived",
    "RequestFailed",
    "RequestReceived",
    "Resolve",
    "ResponseFailed",
    "ResponseReceived",
    "Run",
    "SendDatagram",
    "SendStream",
    "ServerTransaction",
    "State",
    "StunReceived",
    "Timer",
    "Timers",
    "User",
    "UserEvent",
    "Witnessed",
]
