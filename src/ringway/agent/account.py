"""Who a user agent is, as an application says it: address, passwords, outbound proxies."""

from __future__ import annotations

from collections.abc import Iterable

from ringway.auth import Account
from ringway.errors import ParseError
from ringway.message import Uri, parse_uri

__all__ = ["make_accounts", "read_aor", "read_proxies"]

_MOST_PROXIES = 4


def read_aor(text: str) -> Uri:
    """Read an address-of-record.

    Args:
        text: as ``sip:alice@example.com``; without a scheme it is read as SIP.

    Raises:
        ValueError: it is none; the message says what one looks like.
    """
    uri = read_uri(text, "an address-of-record, as sip:alice@example.com")
    if not uri.user:
        raise ValueError(f"{text!r} has no user part; use one as sip:alice@example.com")
    return uri.with_params(()).without_headers()


def read_proxies(texts: Iterable[str]) -> tuple[Uri, ...]:
    """Read outbound proxies.

    Args:
        texts: as ``sip:edge1.example.com;transport=tls``.

    Raises:
        ValueError: one is none, or there are more than four (RFC 5626 §4.2.1).
    """
    proxies = tuple(read_uri(text, "an outbound proxy, as sip:edge1.example.com") for text in texts)
    if len(proxies) > _MOST_PROXIES:
        raise ValueError(f"{len(proxies)} outbound proxies; use at most {_MOST_PROXIES}")
    if len(set(map(str, proxies))) < len(proxies):
        raise ValueError("an outbound proxy is given twice; two flows need two proxies")
    return proxies


def read_uri(text: str, what: str) -> Uri:
    """Read a SIP or SIPS URI; without a scheme it is read as SIP.

    Args:
        text: the URI.
        what: what it stands for, for the error.

    Raises:
        ValueError: it is none.
    """
    scheme = text.partition(":")[0].lower()
    whole = text if scheme in {"sip", "sips", "tel"} else f"sip:{text}"
    try:
        uri = parse_uri(whole)
    except ParseError as error:
        raise ValueError(f"{text!r} is not {what}: {error.reason}") from None
    if not uri.is_sip:
        raise ValueError(f"{text!r} is not {what}: not a SIP URI")
    return uri


def make_accounts(
    aor: Uri, username: str | None, password: str | None, others: Iterable[Account]
) -> tuple[Account, ...]:
    """Return the names and passwords that challenges are answered with.

    Args:
        aor: whose user part is the name, if no other is given.
        username: the name.
        password: the password, None for none.
        others: for particular realms.
    """
    accounts = tuple(others)
    if password is None:
        return accounts
    return (*accounts, Account(username or aor.user or "", password))
