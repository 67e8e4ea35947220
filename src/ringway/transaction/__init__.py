"""The four transaction state machines of RFC 3261 §17, their timers and how messages match them."""

from ringway.transaction.tables import (
    INVITE_CLIENT,
    INVITE_SERVER,
    MACHINES,
    NON_INVITE_CLIENT,
    NON_INVITE_SERVER,
    Action,
    Input,
    Machine,
    State,
    Table,
    Transition,
)
from ringway.transaction.timers import Timers

__all__ = [
    "INVITE_CLIENT",
    "INVITE_SERVER",
    "MACHINES",
    "NON_INVITE_CLIENT",
    "NON_INVITE_SERVER",
    "Action",
    "Input",
    "Machine",
    "State",
    "Table",
    "Timers",
    "Transition",
]
