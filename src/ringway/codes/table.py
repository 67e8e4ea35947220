"""The table, and the questions that are asked of it.

The engine reads failover, recursion, ranking and the status that goes upstream here and
nowhere else, so that what people read about a code is what the server does.

`effects` and `explain` are asked for every response, so their answers are remembered;
only for codes and methods that the table names, so that the wire cannot fill memory.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ringway.codes import rows_1xx, rows_2xx, rows_3xx, rows_4xx, rows_5xx, rows_6xx
from ringway.codes.defaults import FIRST, LAST
from ringway.codes.effect import (
    Circumstance,
    Code,
    Effect,
    Role,
    Rule,
    Source,
    Toward,
    Translation,
)
from ringway.codes.text import text

_ROWS: Final[tuple[Code, ...]] = (
    *rows_1xx.ROWS,
    *rows_2xx.ROWS,
    *rows_3xx.ROWS,
    *rows_4xx.ROWS,
    *rows_5xx.ROWS,
    *rows_6xx.ROWS,
)

TABLE: Final[Mapping[int, Code]] = MappingProxyType({row.status: row for row in _ROWS})
"""Every status code of the IANA registry, in order."""


def lookup(status: int) -> Code:
    """Return the row of a status code, or the row that an unknown one is read as.

    An unknown code is read as x00 of its class, an unknown provisional one as 183
    (RFC 3261 §8.1.3.2). Then the `status` of the row is not `status`.

    Args:
        status: The status code, 100 to 699.

    Raises:
        ValueError: if `status` is of no class.
    """
    code = TABLE.get(status)
    if code is not None:
        return code
    if not 100 <= status <= 699:
        msg = f"{status} is not a SIP status code; they are 100 to 699"
        raise ValueError(msg)
    return TABLE[183 if status < 200 else status // 100 * 100]


def effects(status: int, circumstance: Circumstance) -> tuple[Effect, ...]:
    """Return what to do because of a response, in order; see `Effect` for how to read it.

    Args:
        status: The status code received, or the one of `synthetic`.
        circumstance: Who got it, for what, from where.

    Raises:
        ValueError: if `status` is of no class.
    """
    rule = _REMEMBERED.get((status, circumstance))
    return rule.effects if rule is not None else explain(status, circumstance).effects


def explain(status: int, circumstance: Circumstance) -> Rule:
    """Return the rule that `effects` are taken from, which also says why.

    Args:
        status: The status code received, or the one of `synthetic`.
        circumstance: Who got it, for what, from where.

    Raises:
        ValueError: if `status` is of no class.
    """
    rule = _REMEMBERED.get((status, circumstance))
    if rule is not None:
        return rule
    code = lookup(status)
    if circumstance.method not in _METHODS:
        circumstance = circumstance._replace(method=_ANY_OTHER)
    key = (code.status, circumstance)
    rule = _REMEMBERED.get(key)
    if rule is None:
        rule = _REMEMBERED[key] = _rule(code, circumstance)
    return rule


def rank(status: int) -> int:
    """Return the place of a response when the best one is chosen: the lowest is sent.

    Leave out of the choice what `forwarded_as` says is not sent. Of equal ones, the
    first that came is as good as any (RFC 3261 §16.7 step 6; the order is `Rank`).

    Args:
        status: The status code of a final response.

    Raises:
        ValueError: if `status` is of no class.
    """
    return lookup(status).rank


def forwarded_as(
    status: int,
    method: str,
    toward: Toward,
    *,
    role: Role = Role.PROXY,
    source: Source = Source.RECEIVED,
    authoritative: bool = False,
) -> int | None:
    """Return the status that a response is passed on with; None means: send nothing.

    When it differs from `status`, the response is a new one, with the phrase of its code.

    Args:
        status: The status code of the response.
        method: The method of the request, as in CSeq.
        toward: Who gets it next.
        role: PROXY, or EDGE when the request went over the flow of a token.
        source: Where the response came from.
        authoritative: Whether we built the target set of the request, from our location
            service (RFC 5626 §7).

    Raises:
        ValueError: if `status` is of no class.
    """
    found = translation(
        status, method, toward, role=role, source=source, authoritative=authoritative
    )
    return status if found is None else found.status


def translation(
    status: int,
    method: str,
    toward: Toward,
    *,
    role: Role = Role.PROXY,
    source: Source = Source.RECEIVED,
    authoritative: bool = False,
) -> Translation | None:
    """Return the row that `forwarded_as` is taken from, which also says why.

    Args:
        status: the status code of the response.
        method: the method of the request, as in CSeq.
        toward: who gets it next.
        role: PROXY, or EDGE when the request went over the flow of a token.
        source: where the response came from.
        authoritative: whether we built the target set of the request.

    Returns:
        None when the response leaves as it is.

    Raises:
        ValueError: if `status` is of no class.
    """
    for each in lookup(status).translations:
        if each.holds(method, toward, role, source, authoritative=authoritative):
            return each
    return None


def own_answer(status: int) -> str:
    """Return the table's word for a response that is made here, not passed on.

    Args:
        status: its status code.

    Raises:
        ValueError: if `status` is of no class.
    """
    code = lookup(status)
    return f"{text(code.status).brief.rstrip('.')} ({code.rfc} §{code.section})."


def _rule(code: Code, circumstance: Circumstance) -> Rule:
    """Find the first rule that holds; the last rule of each class always does."""
    rules = (*FIRST, *code.rules, *LAST[code.status // 100])
    return next(rule for rule in rules if rule.holds(circumstance))


# Methods that some rule names; all others are alike.
_METHODS: Final[frozenset[str]] = frozenset(
    method
    for rule in (*FIRST, *(rule for row in _ROWS for rule in row.rules))
    for method in rule.methods or ()
)
_ANY_OTHER: Final = ""
_REMEMBERED: Final[dict[tuple[int, Circumstance], Rule]] = {}
