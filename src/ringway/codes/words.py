"""Short names that the rows are written in, so that a row reads as a sentence."""

from typing import Final

from ringway.codes.effect import Effect, Role, Rule, Sender, Source

FORWARD: Final = Effect.FORWARD
RECURSE: Final = Effect.RECURSE
NEXT_FLOW: Final = Effect.NEXT_FLOW
NEXT_SERVER: Final = Effect.NEXT_SERVER
ANSWER_CHALLENGE: Final = Effect.ANSWER_CHALLENGE
RETRY_CHANGED: Final = Effect.RETRY_CHANGED
RETRY_AFTER: Final = Effect.RETRY_AFTER
INVALIDATE_BINDING: Final = Effect.INVALIDATE_BINDING
GIVE_UP: Final = Effect.GIVE_UP
END_DIALOG: Final = Effect.END_DIALOG

PROXY: Final = frozenset({Role.PROXY})
EDGE: Final = frozenset({Role.EDGE})
REGISTRAR: Final = frozenset({Role.REGISTRAR})
CALLER: Final = frozenset({Role.CALLER})

WIRE: Final = frozenset({Source.RECEIVED, Source.OWN_EDGE})
RECEIVED: Final = frozenset({Source.RECEIVED})
OWN_EDGE: Final = frozenset({Source.OWN_EDGE})
TIMER: Final = frozenset({Source.TIMER})
TRANSPORT: Final = frozenset({Source.TRANSPORT})

REGISTER: Final = frozenset({"REGISTER"})

ANYONE: Final = frozenset(Sender)
AGENTS: Final = frozenset({Sender.UAS})
AGENTS_AND_REGISTRARS: Final = frozenset({Sender.UAS, Sender.REGISTRAR})
AGENTS_AND_PROXIES: Final = frozenset({Sender.UAS, Sender.PROXY, Sender.EDGE})
PROXIES: Final = frozenset({Sender.PROXY, Sender.EDGE})
REDIRECTORS: Final = frozenset({Sender.UAS, Sender.REDIRECT, Sender.PROXY, Sender.REGISTRAR})


def changed(why: str, methods: frozenset[str] | None = None) -> Rule:
    """Return the rule of a caller that can send again with something changed."""
    return Rule((RETRY_CHANGED, GIVE_UP), why, roles=CALLER, methods=methods)


def later(why: str = "Only when it names a Retry-After (RFC 3261 §20.33).") -> Rule:
    """Return the rule of a caller that can send the same again after a while."""
    return Rule((RETRY_AFTER, GIVE_UP), why, roles=CALLER)
