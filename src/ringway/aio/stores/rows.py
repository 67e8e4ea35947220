"""The SQLite schema, and bindings and rules as its rows.

Text from the wire can hold octets that are no UTF-8, as surrogate escapes; SQLite takes such text
only as a BLOB, so it is written as one and read back as text.
"""

from __future__ import annotations

import json
from typing import Any, Final, TypeAlias

from ringway.location import Binding, RedirectRule, When
from ringway.transport.flow import Address, Flow

Value: TypeAlias = str | bytes | int | float | None
Row: TypeAlias = tuple[Value, ...]

APPLICATION_ID: Final = 0x52494E47
# One script for each version, from the one before it. A script that was released never changes.
MIGRATIONS: Final = (
    """
    CREATE TABLE binding (
        aor TEXT NOT NULL,
        key TEXT NOT NULL,
        reg_id INTEGER NOT NULL,
        outbound INTEGER NOT NULL,
        contact TEXT NOT NULL,
        instance TEXT NOT NULL,
        expires_at REAL NOT NULL,
        call_id TEXT NOT NULL,
        cseq INTEGER NOT NULL,
        registered_at REAL NOT NULL,
        q REAL NOT NULL,
        path TEXT NOT NULL,
        flow TEXT,
        user_agent TEXT NOT NULL,
        params TEXT NOT NULL,
        PRIMARY KEY (aor, key, reg_id)
    ) WITHOUT ROWID;
    CREATE TABLE redirect (
        aor TEXT NOT NULL,
        happening TEXT NOT NULL,
        status INTEGER NOT NULL,
        targets TEXT NOT NULL,
        until REAL,
        PRIMARY KEY (aor, happening)
    ) WITHOUT ROWID;
    """,
    # Which clock the times in the other tables are of: see `ringway.aio.stores.boot`.
    """
    CREATE TABLE clock (boot TEXT NOT NULL, offset REAL NOT NULL);
    """,
)
VERSION: Final = len(MIGRATIONS)

PUT: Final = f"INSERT OR REPLACE INTO binding VALUES ({', '.join('?' * 15)})"  # noqa: S608 - marks only
# A drop that comes after a newer registration is late, and leaves that one alone.
DROP: Final = "DELETE FROM binding WHERE aor = ? AND key = ? AND reg_id = ? AND registered_at <= ?"
PUT_REDIRECT: Final = "INSERT OR REPLACE INTO redirect VALUES (?, ?, ?, ?, ?)"
DROP_REDIRECT: Final = "DELETE FROM redirect WHERE aor = ? AND happening = ?"
DELETE_LAPSED: Final = "DELETE FROM binding WHERE expires_at <= ?"
DELETE_ENDED: Final = "DELETE FROM redirect WHERE until <= ?"
SELECT_CLOCK: Final = "SELECT boot, offset FROM clock"
CLEAR_CLOCK: Final = "DELETE FROM clock"
PUT_CLOCK: Final = "INSERT INTO clock VALUES (?, ?)"
SHIFT_BINDINGS: Final = (
    "UPDATE binding SET expires_at = expires_at + :step, registered_at = registered_at + :step"
)
SHIFT_REDIRECTS: Final = "UPDATE redirect SET until = until + :step"
# Registered in the future: the clock was set back. It lasts as long as it was granted, no longer.
REBASE: Final = (
    "UPDATE binding SET expires_at = :now + (expires_at - registered_at), registered_at = :now"
    " WHERE registered_at > :now"
)
SELECT_BINDINGS: Final = "SELECT * FROM binding WHERE expires_at > ?"
SELECT_REDIRECTS: Final = "SELECT * FROM redirect WHERE until IS NULL OR until > ?"


def put_row(binding: Binding) -> Row:
    """The parameters of PUT."""
    key, reg_id = binding.key
    return (
        _kept(binding.aor),
        _kept(key),
        reg_id,
        int(binding.outbound),
        _kept(binding.contact),
        _kept(binding.instance),
        binding.expires_at,
        _kept(binding.call_id),
        binding.cseq,
        binding.registered_at,
        binding.q,
        _kept("\n".join(binding.path)),
        None if binding.flow is None else _flow_text(binding.flow),
        _kept(binding.user_agent),
        _kept(binding.params),
    )


def drop_row(binding: Binding) -> Row:
    """The parameters of DROP."""
    key, reg_id = binding.key
    return (_kept(binding.aor), _kept(key), reg_id, binding.registered_at)


def put_redirect_row(rule: RedirectRule) -> Row:
    """The parameters of PUT_REDIRECT."""
    return (*drop_redirect_row(rule), rule.status, json.dumps(rule.targets), rule.until)


def drop_redirect_row(rule: RedirectRule) -> Row:
    """The parameters of DROP_REDIRECT."""
    return (_kept(rule.aor), rule.when.value)


def binding_of(row: tuple[Any, ...]) -> Binding:
    """A binding from a row of SELECT_BINDINGS."""
    aor, _key, reg_id, outbound, contact, instance, expires_at = row[:7]
    call_id, cseq, registered_at, q, path, flow, user_agent, params = row[7:]
    paths = _text(path)
    return Binding(
        aor=_text(aor),
        contact=_text(contact),
        expires_at=expires_at,
        call_id=_text(call_id),
        cseq=cseq,
        registered_at=registered_at,
        instance=_text(instance),
        reg_id=reg_id,
        q=q,
        path=tuple(paths.split("\n")) if paths else (),
        flow=None if flow is None else _flow(flow),
        outbound=bool(outbound),
        user_agent=_text(user_agent),
        params=_text(params),
    )


def rule_of(row: tuple[Any, ...]) -> RedirectRule:
    """A rule from a row of SELECT_REDIRECTS."""
    aor, happening, status, targets, until = row
    return RedirectRule(
        aor=_text(aor),
        targets=tuple([(uri, q) for uri, q in json.loads(targets)]),
        status=status,
        when=When(happening),
        until=until,
    )


def _kept(text: str) -> str | bytes:
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape")
    return text


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "surrogateescape")


def _flow_text(flow: Flow) -> str:
    return f"{flow.transport} {' '.join(f'{each.host} {each.port}' for each in flow[1:3])}"


def _flow(text: str) -> Flow:
    transport, local, local_port, remote, remote_port = text.split(" ")
    return Flow(transport, Address(local, int(local_port)), Address(remote, int(remote_port)))
