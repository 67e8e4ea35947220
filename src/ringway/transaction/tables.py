"""The four state machines of RFC 3261 §17 as tables, with what RFC 6026 and RFC 4320 changed.

A machine is data: `entry` is the state it is born in and what it does then, `table` gives for
*every* (state, input) the next state and the actions, in the order they are done. Nothing else
decides; the endpoint reads a row and does what it says, and the diagrams in docs/ are drawn from
the same rows. A pair that cannot change anything is listed all the same, as staying put.

Four things are ours:

- ``KEPT`` (both client machines). The user stopped the retransmissions, or the transport failed and
  the user wants a late response all the same; the transaction sends nothing more, and responses are
  still matched and delivered, whatever flow brings them. It is how one flow of a phone is left for
  another without losing a late 2xx (RFC 5626 §7); an INVITE may be kept even after its final
  response, when that was the 408 of an edge and the phone's 2xx may still follow. ``RESUME`` takes
  it back: the request is sent again and waited for as if it were new.
- ``CLOSED`` (both client machines): the connection to a server closed that can be connected to
  again. Who has spoken has the request, so no sending failed, and its response comes over a new
  connection (RFC 3261 §18.2.2); what is left to send goes over one of ours. Only when there is none
  to be had is that a transport error.
- ``TIMER_CANCELLED``: RFC 3261 §9.1, last paragraph: 64*T1 after a CANCEL the original is given up.
- ``TIMER_TRYING`` and ``TIMER_UNANSWERED`` (non-INVITE server): the 100 that RFC 4320 §4.1 demands
  once Timer E would have reached T2, and the end of a request that is never answered (§4.2).

One thing is not done: a client transaction does not report a transport error after its final
response (Figure 5 would). The user has what it waited for, and a lost ACK shows itself by the
response that comes again.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple, TypeAlias


class State(IntEnum):
    """Where a transaction stands; the RFC's names, plus ``KEPT``."""

    CALLING = 0
    TRYING = 1
    PROCEEDING = 2
    KEPT = 3
    COMPLETED = 4
    CONFIRMED = 5
    ACCEPTED = 6
    TERMINATED = 7


class Input(IntEnum):
    """What can happen to a transaction."""

    # A client transaction receives these, a server transaction is given them to send.
    PROVISIONAL = 0  # 1xx
    SUCCESS = 1  # 2xx to INVITE
    FAILURE = 2  # 300-699 to INVITE
    FINAL = 3  # 200-699 to any other method
    # A server transaction receives these.
    REQUEST = 4  # the request again
    ACK = 5
    # The user of a client transaction says these.
    CANCEL = 6
    STOP = 7  # no more retransmissions, but keep listening
    RESUME = 8  # ask again
    # The connection to a server closed, which may be had again.
    CLOSED = 9
    # Both.
    TRANSPORT_ERROR = 10
    TIMER_A = 11
    TIMER_B = 12
    TIMER_D = 13
    TIMER_E = 14
    TIMER_F = 15
    TIMER_G = 16
    TIMER_H = 17
    TIMER_I = 18
    TIMER_J = 19
    TIMER_K = 20
    TIMER_L = 21
    TIMER_M = 22
    TIMER_KEPT = 23
    TIMER_CANCELLED = 24
    TIMER_TRYING = 25
    TIMER_UNANSWERED = 26


class Action(IntEnum):
    """What a transaction does on an input.

    A transaction has two timers: the one that sends again (A, E, G), and the one that ends a wait.
    Starting the second replaces what it was. A timer that is zero on the transport in use fires in
    the same instant; A, E and G are not started on a reliable transport at all.
    """

    SEND = 0  # server: send this response and store it for RESEND
    SEND_ONCE = 1  # server: send this response, store nothing
    RESEND = 2  # send again what was stored
    SEND_ACK = 3
    SEND_CANCEL = 4
    SEND_TRYING = 5  # server: make a 100, send and store it
    CANCEL_LATER = 6  # remember to CANCEL on the first provisional
    TELL = 7  # give the message to the user
    TELL_TIMEOUT = 8
    TELL_TRANSPORT = 9
    BACK_OFF = 10  # start the sending timer again, with the next interval
    STOP_SENDING = 11
    STOP_WAITING = 12
    RECONNECT = 13  # connect to the server again, if it was lost
    START_A = 20
    START_B = 21
    START_D = 22
    START_E = 23
    START_F = 24
    START_G = 25
    START_H = 26
    START_I = 27
    START_J = 28
    START_K = 29
    START_L = 30
    START_M = 31
    START_KEPT = 32
    START_CANCELLED = 33
    START_TRYING = 34
    START_UNANSWERED = 35


Transition: TypeAlias = tuple[State, tuple[Action, ...]]
Table: TypeAlias = dict[tuple[State, Input], Transition]


class Machine(NamedTuple):
    """One state machine.

    Attributes:
        name: for diagrams and errors.
        entry: the state a new transaction is in and what it does at once.
        table: every pair of a state and an input this machine knows.
    """

    name: str
    entry: Transition
    table: Table

    @property
    def states(self) -> tuple[State, ...]:
        """The states, in the order of the table."""
        return tuple(dict.fromkeys(state for state, _ in self.table))

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The inputs, in the order of the table."""
        return tuple(dict.fromkeys(symbol for _, symbol in self.table))


# Short names keep a row on a line; each table below reads as state, input: next state, actions.
_S, _I, _A = State, Input, Action

# RFC 3261 §17.1.1, Figure 5 as replaced by RFC 6026 §8.4.
INVITE_CLIENT: Final = Machine(
    "INVITE client",
    (_S.CALLING, (_A.RESEND, _A.START_A, _A.START_B)),
    {
        (_S.CALLING, _I.PROVISIONAL): (_S.PROCEEDING, (_A.STOP_SENDING, _A.STOP_WAITING, _A.TELL)),
        (_S.CALLING, _I.SUCCESS): (_S.ACCEPTED, (_A.STOP_SENDING, _A.START_M, _A.TELL)),
        (_S.CALLING, _I.FAILURE): (
            _S.COMPLETED,
            (_A.STOP_SENDING, _A.SEND_ACK, _A.START_D, _A.TELL),
        ),
        (_S.CALLING, _I.CANCEL): (_S.CALLING, (_A.CANCEL_LATER,)),
        (_S.CALLING, _I.STOP): (_S.KEPT, (_A.STOP_SENDING, _A.START_KEPT)),
        (_S.CALLING, _I.RESUME): (_S.CALLING, ()),
        (_S.CALLING, _I.CLOSED): (
            _S.TERMINATED,
            (_A.STOP_SENDING, _A.STOP_WAITING, _A.TELL_TRANSPORT),
        ),
        (_S.CALLING, _I.TRANSPORT_ERROR): (
            _S.TERMINATED,
            (_A.STOP_SENDING, _A.STOP_WAITING, _A.TELL_TRANSPORT),
        ),
        (_S.CALLING, _I.TIMER_A): (_S.CALLING, (_A.RESEND, _A.BACK_OFF)),
        (_S.CALLING, _I.TIMER_B): (_S.TERMINATED, (_A.STOP_SENDING, _A.TELL_TIMEOUT)),
        (_S.CALLING, _I.TIMER_D): (_S.CALLING, ()),
        (_S.CALLING, _I.TIMER_M): (_S.CALLING, ()),
        (_S.CALLING, _I.TIMER_KEPT): (_S.CALLING, ()),
        (_S.CALLING, _I.TIMER_CANCELLED): (_S.CALLING, ()),
        # Proceeding
        (_S.PROCEEDING, _I.PROVISIONAL): (_S.PROCEEDING, (_A.TELL,)),
        (_S.PROCEEDING, _I.SUCCESS): (_S.ACCEPTED, (_A.START_M, _A.TELL)),
        (_S.PROCEEDING, _I.FAILURE): (_S.COMPLETED, (_A.SEND_ACK, _A.START_D, _A.TELL)),
        (_S.PROCEEDING, _I.CANCEL): (_S.PROCEEDING, (_A.SEND_CANCEL, _A.START_CANCELLED)),
        (_S.PROCEEDING, _I.STOP): (_S.PROCEEDING, ()),
        (_S.PROCEEDING, _I.RESUME): (_S.PROCEEDING, ()),
        (_S.PROCEEDING, _I.CLOSED): (_S.PROCEEDING, (_A.RECONNECT,)),
        (_S.PROCEEDING, _I.TRANSPORT_ERROR): (
            _S.TERMINATED,
            (_A.STOP_WAITING, _A.TELL_TRANSPORT),
        ),
        (_S.PROCEEDING, _I.TIMER_A): (_S.PROCEEDING, ()),
        (_S.PROCEEDING, _I.TIMER_B): (_S.PROCEEDING, ()),
        (_S.PROCEEDING, _I.TIMER_D): (_S.PROCEEDING, ()),
        (_S.PROCEEDING, _I.TIMER_M): (_S.PROCEEDING, ()),
        (_S.PROCEEDING, _I.TIMER_KEPT): (_S.PROCEEDING, ()),
        (_S.PROCEEDING, _I.TIMER_CANCELLED): (_S.TERMINATED, (_A.TELL_TIMEOUT,)),
        # Kept
        (_S.KEPT, _I.PROVISIONAL): (_S.PROCEEDING, (_A.STOP_WAITING, _A.TELL)),
        (_S.KEPT, _I.SUCCESS): (_S.ACCEPTED, (_A.START_M, _A.TELL)),
        (_S.KEPT, _I.FAILURE): (_S.COMPLETED, (_A.SEND_ACK, _A.START_D, _A.TELL)),
        (_S.KEPT, _I.CANCEL): (_S.KEPT, (_A.CANCEL_LATER,)),
        (_S.KEPT, _I.STOP): (_S.KEPT, ()),
        (_S.KEPT, _I.RESUME): (_S.CALLING, (_A.START_A, _A.START_B, _A.RECONNECT)),
        (_S.KEPT, _I.CLOSED): (_S.KEPT, ()),
        (_S.KEPT, _I.TRANSPORT_ERROR): (_S.KEPT, ()),
        (_S.KEPT, _I.TIMER_A): (_S.KEPT, ()),
        (_S.KEPT, _I.TIMER_B): (_S.KEPT, ()),
        (_S.KEPT, _I.TIMER_D): (_S.KEPT, ()),
        (_S.KEPT, _I.TIMER_M): (_S.KEPT, ()),
        (_S.KEPT, _I.TIMER_KEPT): (_S.TERMINATED, (_A.TELL_TIMEOUT,)),
        (_S.KEPT, _I.TIMER_CANCELLED): (_S.KEPT, ()),
        # Completed
        (_S.COMPLETED, _I.PROVISIONAL): (_S.COMPLETED, ()),
        (_S.COMPLETED, _I.SUCCESS): (_S.COMPLETED, ()),
        (_S.COMPLETED, _I.FAILURE): (_S.COMPLETED, (_A.SEND_ACK,)),
        (_S.COMPLETED, _I.CANCEL): (_S.COMPLETED, ()),
        (_S.COMPLETED, _I.STOP): (_S.KEPT, (_A.START_KEPT,)),
        (_S.COMPLETED, _I.RESUME): (_S.COMPLETED, ()),
        (_S.COMPLETED, _I.CLOSED): (_S.COMPLETED, ()),
        (_S.COMPLETED, _I.TRANSPORT_ERROR): (_S.COMPLETED, ()),
        (_S.COMPLETED, _I.TIMER_A): (_S.COMPLETED, ()),
        (_S.COMPLETED, _I.TIMER_B): (_S.COMPLETED, ()),
        (_S.COMPLETED, _I.TIMER_D): (_S.TERMINATED, ()),
        (_S.COMPLETED, _I.TIMER_M): (_S.COMPLETED, ()),
        (_S.COMPLETED, _I.TIMER_KEPT): (_S.COMPLETED, ()),
        (_S.COMPLETED, _I.TIMER_CANCELLED): (_S.COMPLETED, ()),
        # Accepted
        (_S.ACCEPTED, _I.PROVISIONAL): (_S.ACCEPTED, ()),
        (_S.ACCEPTED, _I.SUCCESS): (_S.ACCEPTED, (_A.TELL,)),
        (_S.ACCEPTED, _I.FAILURE): (_S.ACCEPTED, ()),
        (_S.ACCEPTED, _I.CANCEL): (_S.ACCEPTED, ()),
        (_S.ACCEPTED, _I.STOP): (_S.ACCEPTED, ()),
        (_S.ACCEPTED, _I.RESUME): (_S.ACCEPTED, ()),
        (_S.ACCEPTED, _I.CLOSED): (_S.ACCEPTED, ()),
        (_S.ACCEPTED, _I.TRANSPORT_ERROR): (_S.ACCEPTED, ()),
        (_S.ACCEPTED, _I.TIMER_A): (_S.ACCEPTED, ()),
        (_S.ACCEPTED, _I.TIMER_B): (_S.ACCEPTED, ()),
        (_S.ACCEPTED, _I.TIMER_D): (_S.ACCEPTED, ()),
        (_S.ACCEPTED, _I.TIMER_M): (_S.TERMINATED, ()),
        (_S.ACCEPTED, _I.TIMER_KEPT): (_S.ACCEPTED, ()),
        (_S.ACCEPTED, _I.TIMER_CANCELLED): (_S.ACCEPTED, ()),
        # Terminated
        (_S.TERMINATED, _I.PROVISIONAL): (_S.TERMINATED, ()),
        (_S.TERMINATED, _I.SUCCESS): (_S.TERMINATED, ()),
        (_S.TERMINATED, _I.FAILURE): (_S.TERMINATED, ()),
        (_S.TERMINATED, _I.CANCEL): (_S.TERMINATED, ()),
        (_S.TERMINATED, _I.STOP): (_S.KEPT, (_A.START_KEPT,)),
        (_S.TERMINATED, _I.RESUME): (_S.TERMINATED, ()),
        (_S.TERMINATED, _I.CLOSED): (_S.TERMINATED, ()),
        (_S.TERMINATED, _I.TRANSPORT_ERROR): (_S.TERMINATED, ()),
        (_S.TERMINATED, _I.TIMER_A): (_S.TERMINATED, ()),
        (_S.TERMINATED, _I.TIMER_B): (_S.TERMINATED, ()),
        (_S.TERMINATED, _I.TIMER_D): (_S.TERMINATED, ()),
        (_S.TERMINATED, _I.TIMER_M): (_S.TERMINATED, ()),
        (_S.TERMINATED, _I.TIMER_KEPT): (_S.TERMINATED, ()),
        (_S.TERMINATED, _I.TIMER_CANCELLED): (_S.TERMINATED, ()),
    },
)

# RFC 3261 §17.1.2, Figure 6.
NON_INVITE_CLIENT: Final = Machine(
    "non-INVITE client",
    (_S.TRYING, (_A.RESEND, _A.START_E, _A.START_F)),
    {
        (_S.TRYING, _I.PROVISIONAL): (_S.PROCEEDING, (_A.TELL,)),
        (_S.TRYING, _I.FINAL): (_S.COMPLETED, (_A.STOP_SENDING, _A.START_K, _A.TELL)),
        (_S.TRYING, _I.STOP): (_S.KEPT, (_A.STOP_SENDING, _A.START_KEPT)),
        (_S.TRYING, _I.RESUME): (_S.TRYING, ()),
        (_S.TRYING, _I.CLOSED): (
            _S.TERMINATED,
            (_A.STOP_SENDING, _A.STOP_WAITING, _A.TELL_TRANSPORT),
        ),
        (_S.TRYING, _I.TRANSPORT_ERROR): (
            _S.TERMINATED,
            (_A.STOP_SENDING, _A.STOP_WAITING, _A.TELL_TRANSPORT),
        ),
        (_S.TRYING, _I.TIMER_E): (_S.TRYING, (_A.RESEND, _A.BACK_OFF)),
        (_S.TRYING, _I.TIMER_F): (_S.TERMINATED, (_A.STOP_SENDING, _A.TELL_TIMEOUT)),
        (_S.TRYING, _I.TIMER_K): (_S.TRYING, ()),
        (_S.TRYING, _I.TIMER_KEPT): (_S.TRYING, ()),
        # Proceeding
        (_S.PROCEEDING, _I.PROVISIONAL): (_S.PROCEEDING, (_A.TELL,)),
        (_S.PROCEEDING, _I.FINAL): (_S.COMPLETED, (_A.STOP_SENDING, _A.START_K, _A.TELL)),
        (_S.PROCEEDING, _I.STOP): (_S.KEPT, (_A.STOP_SENDING, _A.START_KEPT)),
        (_S.PROCEEDING, _I.RESUME): (_S.PROCEEDING, ()),
        (_S.PROCEEDING, _I.CLOSED): (_S.PROCEEDING, (_A.RECONNECT,)),
        (_S.PROCEEDING, _I.TRANSPORT_ERROR): (
            _S.TERMINATED,
            (_A.STOP_SENDING, _A.STOP_WAITING, _A.TELL_TRANSPORT),
        ),
        (_S.PROCEEDING, _I.TIMER_E): (_S.PROCEEDING, (_A.RESEND, _A.BACK_OFF)),
        (_S.PROCEEDING, _I.TIMER_F): (_S.TERMINATED, (_A.STOP_SENDING, _A.TELL_TIMEOUT)),
        (_S.PROCEEDING, _I.TIMER_K): (_S.PROCEEDING, ()),
        (_S.PROCEEDING, _I.TIMER_KEPT): (_S.PROCEEDING, ()),
        # Kept
        (_S.KEPT, _I.PROVISIONAL): (_S.KEPT, (_A.TELL,)),
        (_S.KEPT, _I.FINAL): (_S.COMPLETED, (_A.START_K, _A.TELL)),
        (_S.KEPT, _I.STOP): (_S.KEPT, ()),
        (_S.KEPT, _I.RESUME): (_S.TRYING, (_A.START_E, _A.START_F, _A.RECONNECT)),
        (_S.KEPT, _I.CLOSED): (_S.KEPT, ()),
        (_S.KEPT, _I.TRANSPORT_ERROR): (_S.KEPT, ()),
        (_S.KEPT, _I.TIMER_E): (_S.KEPT, ()),
        (_S.KEPT, _I.TIMER_F): (_S.KEPT, ()),
        (_S.KEPT, _I.TIMER_K): (_S.KEPT, ()),
        (_S.KEPT, _I.TIMER_KEPT): (_S.TERMINATED, (_A.TELL_TIMEOUT,)),
        # Completed
        (_S.COMPLETED, _I.PROVISIONAL): (_S.COMPLETED, ()),
        (_S.COMPLETED, _I.FINAL): (_S.COMPLETED, ()),
        (_S.COMPLETED, _I.STOP): (_S.COMPLETED, ()),
        (_S.COMPLETED, _I.RESUME): (_S.COMPLETED, ()),
        (_S.COMPLETED, _I.CLOSED): (_S.COMPLETED, ()),
        (_S.COMPLETED, _I.TRANSPORT_ERROR): (_S.COMPLETED, ()),
        (_S.COMPLETED, _I.TIMER_E): (_S.COMPLETED, ()),
        (_S.COMPLETED, _I.TIMER_F): (_S.COMPLETED, ()),
        (_S.COMPLETED, _I.TIMER_K): (_S.TERMINATED, ()),
        (_S.COMPLETED, _I.TIMER_KEPT): (_S.COMPLETED, ()),
        # Terminated
        (_S.TERMINATED, _I.PROVISIONAL): (_S.TERMINATED, ()),
        (_S.TERMINATED, _I.FINAL): (_S.TERMINATED, ()),
        (_S.TERMINATED, _I.STOP): (_S.KEPT, (_A.START_KEPT,)),
        (_S.TERMINATED, _I.RESUME): (_S.TERMINATED, ()),
        (_S.TERMINATED, _I.CLOSED): (_S.TERMINATED, ()),
        (_S.TERMINATED, _I.TRANSPORT_ERROR): (_S.TERMINATED, ()),
        (_S.TERMINATED, _I.TIMER_E): (_S.TERMINATED, ()),
        (_S.TERMINATED, _I.TIMER_F): (_S.TERMINATED, ()),
        (_S.TERMINATED, _I.TIMER_K): (_S.TERMINATED, ()),
        (_S.TERMINATED, _I.TIMER_KEPT): (_S.TERMINATED, ()),
    },
)

# RFC 3261 §17.2.1, Figure 7 as replaced by RFC 6026 §8.6. The user sends the 100. A 2xx given after
# another final response goes out once, unstored: a proxy must forward it (RFC 3261 §16.7 step 5).
INVITE_SERVER: Final = Machine(
    "INVITE server",
    (_S.PROCEEDING, (_A.TELL,)),
    {
        (_S.PROCEEDING, _I.REQUEST): (_S.PROCEEDING, (_A.RESEND,)),
        (_S.PROCEEDING, _I.ACK): (_S.PROCEEDING, ()),
        (_S.PROCEEDING, _I.PROVISIONAL): (_S.PROCEEDING, (_A.SEND,)),
        (_S.PROCEEDING, _I.SUCCESS): (_S.ACCEPTED, (_A.SEND_ONCE, _A.START_L)),
        (_S.PROCEEDING, _I.FAILURE): (_S.COMPLETED, (_A.SEND, _A.START_G, _A.START_H)),
        (_S.PROCEEDING, _I.TRANSPORT_ERROR): (_S.PROCEEDING, (_A.TELL_TRANSPORT,)),
        (_S.PROCEEDING, _I.TIMER_G): (_S.PROCEEDING, ()),
        (_S.PROCEEDING, _I.TIMER_H): (_S.PROCEEDING, ()),
        (_S.PROCEEDING, _I.TIMER_I): (_S.PROCEEDING, ()),
        (_S.PROCEEDING, _I.TIMER_L): (_S.PROCEEDING, ()),
        # Completed
        (_S.COMPLETED, _I.REQUEST): (_S.COMPLETED, (_A.RESEND,)),
        (_S.COMPLETED, _I.ACK): (_S.CONFIRMED, (_A.STOP_SENDING, _A.START_I)),
        (_S.COMPLETED, _I.PROVISIONAL): (_S.COMPLETED, ()),
        (_S.COMPLETED, _I.SUCCESS): (_S.COMPLETED, (_A.SEND_ONCE,)),
        (_S.COMPLETED, _I.FAILURE): (_S.COMPLETED, ()),
        (_S.COMPLETED, _I.TRANSPORT_ERROR): (_S.COMPLETED, (_A.TELL_TRANSPORT,)),
        (_S.COMPLETED, _I.TIMER_G): (_S.COMPLETED, (_A.RESEND, _A.BACK_OFF)),
        (_S.COMPLETED, _I.TIMER_H): (_S.TERMINATED, (_A.STOP_SENDING, _A.TELL_TIMEOUT)),
        (_S.COMPLETED, _I.TIMER_I): (_S.COMPLETED, ()),
        (_S.COMPLETED, _I.TIMER_L): (_S.COMPLETED, ()),
        # Confirmed
        (_S.CONFIRMED, _I.REQUEST): (_S.CONFIRMED, ()),
        (_S.CONFIRMED, _I.ACK): (_S.CONFIRMED, ()),
        (_S.CONFIRMED, _I.PROVISIONAL): (_S.CONFIRMED, ()),
        (_S.CONFIRMED, _I.SUCCESS): (_S.CONFIRMED, ()),
        (_S.CONFIRMED, _I.FAILURE): (_S.CONFIRMED, ()),
        (_S.CONFIRMED, _I.TRANSPORT_ERROR): (_S.CONFIRMED, ()),
        (_S.CONFIRMED, _I.TIMER_G): (_S.CONFIRMED, ()),
        (_S.CONFIRMED, _I.TIMER_H): (_S.CONFIRMED, ()),
        (_S.CONFIRMED, _I.TIMER_I): (_S.TERMINATED, ()),
        (_S.CONFIRMED, _I.TIMER_L): (_S.CONFIRMED, ()),
        # Accepted
        (_S.ACCEPTED, _I.REQUEST): (_S.ACCEPTED, ()),
        (_S.ACCEPTED, _I.ACK): (_S.ACCEPTED, (_A.TELL,)),
        (_S.ACCEPTED, _I.PROVISIONAL): (_S.ACCEPTED, ()),
        (_S.ACCEPTED, _I.SUCCESS): (_S.ACCEPTED, (_A.SEND_ONCE,)),
        (_S.ACCEPTED, _I.FAILURE): (_S.ACCEPTED, ()),
        (_S.ACCEPTED, _I.TRANSPORT_ERROR): (_S.ACCEPTED, (_A.TELL_TRANSPORT,)),
        (_S.ACCEPTED, _I.TIMER_G): (_S.ACCEPTED, ()),
        (_S.ACCEPTED, _I.TIMER_H): (_S.ACCEPTED, ()),
        (_S.ACCEPTED, _I.TIMER_I): (_S.ACCEPTED, ()),
        (_S.ACCEPTED, _I.TIMER_L): (_S.TERMINATED, ()),
        # Terminated
        (_S.TERMINATED, _I.REQUEST): (_S.TERMINATED, ()),
        (_S.TERMINATED, _I.ACK): (_S.TERMINATED, ()),
        (_S.TERMINATED, _I.PROVISIONAL): (_S.TERMINATED, ()),
        (_S.TERMINATED, _I.SUCCESS): (_S.TERMINATED, ()),
        (_S.TERMINATED, _I.FAILURE): (_S.TERMINATED, ()),
        (_S.TERMINATED, _I.TRANSPORT_ERROR): (_S.TERMINATED, ()),
        (_S.TERMINATED, _I.TIMER_G): (_S.TERMINATED, ()),
        (_S.TERMINATED, _I.TIMER_H): (_S.TERMINATED, ()),
        (_S.TERMINATED, _I.TIMER_I): (_S.TERMINATED, ()),
        (_S.TERMINATED, _I.TIMER_L): (_S.TERMINATED, ()),
    },
)

# RFC 3261 §17.2.2, Figure 8, with RFC 4320 §4.1.
NON_INVITE_SERVER: Final = Machine(
    "non-INVITE server",
    (_S.TRYING, (_A.START_TRYING, _A.TELL)),
    {
        (_S.TRYING, _I.REQUEST): (_S.TRYING, ()),
        (_S.TRYING, _I.PROVISIONAL): (_S.PROCEEDING, (_A.SEND, _A.START_UNANSWERED)),
        (_S.TRYING, _I.FINAL): (_S.COMPLETED, (_A.SEND, _A.START_J)),
        (_S.TRYING, _I.TRANSPORT_ERROR): (_S.TRYING, ()),
        (_S.TRYING, _I.TIMER_J): (_S.TRYING, ()),
        (_S.TRYING, _I.TIMER_TRYING): (_S.PROCEEDING, (_A.SEND_TRYING, _A.START_UNANSWERED)),
        (_S.TRYING, _I.TIMER_UNANSWERED): (_S.TRYING, ()),
        # Proceeding
        (_S.PROCEEDING, _I.REQUEST): (_S.PROCEEDING, (_A.RESEND,)),
        (_S.PROCEEDING, _I.PROVISIONAL): (_S.PROCEEDING, (_A.SEND,)),
        (_S.PROCEEDING, _I.FINAL): (_S.COMPLETED, (_A.SEND, _A.START_J)),
        (_S.PROCEEDING, _I.TRANSPORT_ERROR): (
            _S.TERMINATED,
            (_A.STOP_WAITING, _A.TELL_TRANSPORT),
        ),
        (_S.PROCEEDING, _I.TIMER_J): (_S.PROCEEDING, ()),
        (_S.PROCEEDING, _I.TIMER_TRYING): (_S.PROCEEDING, ()),
        (_S.PROCEEDING, _I.TIMER_UNANSWERED): (_S.TERMINATED, ()),
        # Completed
        (_S.COMPLETED, _I.REQUEST): (_S.COMPLETED, (_A.RESEND,)),
        (_S.COMPLETED, _I.PROVISIONAL): (_S.COMPLETED, ()),
        (_S.COMPLETED, _I.FINAL): (_S.COMPLETED, ()),
        (_S.COMPLETED, _I.TRANSPORT_ERROR): (_S.TERMINATED, (_A.STOP_WAITING, _A.TELL_TRANSPORT)),
        (_S.COMPLETED, _I.TIMER_J): (_S.TERMINATED, ()),
        (_S.COMPLETED, _I.TIMER_TRYING): (_S.COMPLETED, ()),
        (_S.COMPLETED, _I.TIMER_UNANSWERED): (_S.COMPLETED, ()),
        # Terminated
        (_S.TERMINATED, _I.REQUEST): (_S.TERMINATED, ()),
        (_S.TERMINATED, _I.PROVISIONAL): (_S.TERMINATED, ()),
        (_S.TERMINATED, _I.FINAL): (_S.TERMINATED, ()),
        (_S.TERMINATED, _I.TRANSPORT_ERROR): (_S.TERMINATED, ()),
        (_S.TERMINATED, _I.TIMER_J): (_S.TERMINATED, ()),
        (_S.TERMINATED, _I.TIMER_TRYING): (_S.TERMINATED, ()),
        (_S.TERMINATED, _I.TIMER_UNANSWERED): (_S.TERMINATED, ()),
    },
)

MACHINES: Final = (INVITE_CLIENT, NON_INVITE_CLIENT, INVITE_SERVER, NON_INVITE_SERVER)
