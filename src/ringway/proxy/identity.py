"""Who a message says that it is from, whom that is believed of, and who may know.

RFC 3325 §5 to §7, of a proxy that asserts no identities itself. What an element that is not trusted
asserts is taken out, and so is what it would like to have asserted, which is nobody's word but its
own. `Privacy: id` takes what a trusted element asserts out on the way to one that is not.
"""

from __future__ import annotations

from typing import Final, TypeVar

from ringway.message import Draft, Request, Response

__all__ = ["asserts", "conceal", "credible", "is_private"]

_ASSERTED: Final = "p-asserted-identity"
_PREFERRED: Final = "p-preferred-identity"

M = TypeVar("M", Request, Response)


def asserts(message: Request | Response) -> bool:
    """Say whether a message says who somebody is."""
    return message.has(_ASSERTED) or message.has(_PREFERRED)


def is_private(message: Request | Response) -> bool:
    """Say whether a message says who somebody is, and that not everybody may know."""
    # Privacy-hdr = "Privacy" HCOLON priv-value *(";" priv-value), RFC 3323 §4.2
    if not message.has(_ASSERTED):
        return False
    text = ";".join(message.values("privacy")).replace(",", ";").lower()
    return "id" in [value.strip() for value in text.split(";")]


def credible(message: M) -> M:
    """Return a message of an element that is not trusted without what only others may say."""
    draft = message.edit()
    draft.remove(_ASSERTED)
    draft.remove(_PREFERRED)
    return draft.build()


def conceal(draft: Draft[M]) -> None:
    """Take out of a message to an element that is not trusted what is to be kept private.

    Args:
        draft: the message as it goes out.
    """
    draft.remove(_ASSERTED)
