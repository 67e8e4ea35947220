"""A REGISTER that is refused: raised where the fault is found, answered in one place."""

from __future__ import annotations

from ringway.errors import RingwayError


class RefusalError(RingwayError):
    """A REGISTER that is refused; nothing was changed.

    It never leaves the registrar, which answers it.

    Args:
        status: the status code to answer with.
        reason: why, for a person: the story, and the Warning of the response.
        headers: header fields that the response must carry, as (name, value).
    """

    def __init__(self, status: int, reason: str, *headers: tuple[str, str]) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason
        self.headers = headers


class TooManyContactsError(RefusalError):
    """Refused because an address-of-record would have more bindings than it may."""
