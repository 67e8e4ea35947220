"""Which dialog an INVITE with Replaces takes the place of (RFC 3891 §3, §6.1)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from ringway.dialog.dialog import Dialog
from ringway.errors import ParseError
from ringway.message import Request, is_token, parse_params

_ESCAPED: Final = frozenset('%;?&=@ ,"<>#:/+[]')


class Replaces(NamedTuple):
    """A Replaces value: ``callid *(SEMI replaces-param)``.

    Attributes:
        call_id: the Call-ID.
        to_tag: the local tag of who receives it.
        from_tag: the remote tag of who receives it.
        early_only: True to replace the dialog only if it is early.
    """

    call_id: str
    to_tag: str
    from_tag: str
    early_only: bool = False

    @classmethod
    def parse(cls, text: str) -> Replaces:
        """Parse a value; one out of a Refer-To URI must be unescaped first.

        Raises:
            ParseError: it is none, or has not exactly one to-tag and one from-tag (400).
        """
        call_id, semicolon, rest = text.partition(";")
        call_id = call_id.strip(" \t")
        params = dict(parse_params(semicolon + rest))
        to_tag, from_tag = params.get("to-tag") or "", params.get("from-tag") or ""
        if not call_id or " " in call_id or not is_token(to_tag) or not is_token(from_tag):
            raise ParseError(f"not a Replaces: {text[:80]!r}", header="replaces")
        return cls(call_id, to_tag, from_tag, "early-only" in params)

    @classmethod
    def of(cls, dialog: Dialog) -> Replaces:
        """Name a dialog of ours as its peer knows it, for a Refer-To or an INVITE (§4)."""
        return cls(dialog.call_id, dialog.remote_tag or "0", dialog.local_tag or "0")

    def matches(self, dialog: Dialog) -> bool:
        """Compare it with a dialog, as who received it: a tag of 0 is no tag too (§6.1)."""
        return (
            self.call_id == dialog.call_id
            and self.to_tag in _names(dialog.local_tag)
            and self.from_tag in _names(dialog.remote_tag)
        )

    def escaped(self) -> str:
        """Return the text as it stands in a URI (RFC 3261 §19.1.2)."""
        return "".join(f"%{ord(each):02X}" if each in _ESCAPED else each for each in str(self))

    def __str__(self) -> str:
        flag = ";early-only" if self.early_only else ""
        return f"{self.call_id};to-tag={self.to_tag};from-tag={self.from_tag}{flag}"


def find_replaced(
    request: Request, alive: Iterable[Dialog], ended: Iterable[Dialog]
) -> Dialog | int | None:
    """Find the dialog that an INVITE replaces (RFC 3891 §3).

    Args:
        request: an INVITE outside a dialog.
        alive: the dialogs of calls there are.
        ended: those of calls that have ended lately.

    Returns:
        The dialog: see that the sender is authorized, then answer the INVITE and end the dialog,
        with BYE, or with CANCEL if it is early. A status to refuse with: 400 for a bad header, 481
        for no match, 486 for early-only, 603 if it is over. None without Replaces.
    """
    values = request.values("replaces")
    if not values:
        return None
    if len(values) > 1 or request.has("join"):
        return 400
    try:
        replaces = Replaces.parse(values[0])
    except ParseError:
        return 400
    found = [each for each in alive if replaces.matches(each)]
    if len(found) != 1:
        return 603 if not found and any(replaces.matches(each) for each in ended) else 481
    dialog = found[0]
    if dialog.early:
        return dialog if dialog.caller else 481
    return 486 if replaces.early_only else dialog


def _names(tag: str) -> tuple[str, ...]:
    return (tag, "0") if not tag else (tag,)
