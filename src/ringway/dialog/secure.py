"""Contacts of dialogs that must be secure (RFC 3261 §8.1.1.8, §12.1.1, §12.1.2)."""

from __future__ import annotations

from dataclasses import replace

from ringway.message import Request, parse_name_addr

__all__ = ["must_be_sips", "with_sips"]


def must_be_sips(request: Request, *, received: bool) -> bool:
    """Say whether our Contact must be a sips URI.

    Args:
        request: what forms the dialog.
        received: False if it is ours: Request-URI and Route count (RFC 3261 §12.1.2). True if we
            answer it: Request-URI and Record-Route, or else its Contact (§12.1.1).

    Raises:
        ParseError: one of them cannot be read.
    """
    if request.uri.secure:
        return True
    first = (request.record_routes or request.contacts) if received else request.routes
    return bool(first) and first[0].uri.secure


def with_sips(contact: str) -> str:
    """Return a Contact with its sip URI turned into the sips one.

    Raises:
        ParseError: it is no Contact.
    """
    value = parse_name_addr(contact, "contact")
    if value.uri.scheme != "sip":
        return contact
    return str(value._replace(uri=replace(value.uri, scheme="sips"), uri_text=""))
