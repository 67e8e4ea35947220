"""The exceptions Ringway raises on purpose, in one tree.

    RingwayError
    ├── ParseError       wire data that cannot be used: answer with `status`, or drop
    ├── TokenTampered    a flow token whose seal is broken: answer 403
    ├── TokenGone        a flow token for a flow that is no more: answer 430
    ├── StoreError       the location store did not do what it was asked
    └── ConfigError      the configuration says something that cannot be

Data from the network raises `ParseError` and nothing else, so one `except` at the
edge of the core is enough; it knows the response to send, because only the place
that found the fault knows it (RFC 3261 §8.2, §16.3). The two token errors stay
apart from it: the message that carried the token was sound (RFC 5626 §5.3).
"""

__all__ = [
    "ConfigError",
    "ParseError",
    "RingwayError",
    "StoreError",
    "TokenGone",
    "TokenTampered",
]


class RingwayError(Exception):
    """Everything Ringway raises on purpose."""


class ParseError(RingwayError):
    """Wire data that cannot be used as a SIP message, or as the header it stands for.

    The catcher answers the request with `status` and `headers` when `message` is
    there and is a request, and drops the data otherwise.

    Args:
        reason: What is wrong, for a person; goes into the log and the reason phrase.
        status: The status code to answer with; None means drop without an answer.
        header: Canonical lower-case name of the header at fault; empty if it is none.
        offset: Octet where the fault was seen, from the start of the message or of
            the header's value; -1 if unknown.
        message: The `ringway.message.Message` as far as it could be indexed, to build a
            response from, or None. The type is open because this module lies below
            messages; `isinstance(error.message, Request)` is the test to make anyway.
        headers: Header fields that the response must carry besides the usual ones,
            as (name, value).
    """

    def __init__(
        self,
        reason: str,
        *,
        status: int | None = 400,
        header: str = "",
        offset: int = -1,
        message: object = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.header = header
        self.offset = offset
        self.message = message
        self.headers = headers

    def __str__(self) -> str:
        """One line: where it is wrong, then what."""
        where = self.header
        if self.offset >= 0:
            where = f"{where or 'message'} at octet {self.offset}"
        return f"{where}: {self.reason}" if where else self.reason


class TokenTampered(RingwayError):  # noqa: N818 - named for what happened
    """A flow token whose seal is broken, or that is used for what it was not made for.

    Answer the request with 403 (RFC 5626 §5.3).
    """


class TokenGone(RingwayError):  # noqa: N818 - named for what happened
    """A sound flow token whose flow is no more, or that an unknown key has sealed.

    Answer the request with 430 (RFC 5626 §5.3), unless another flow of the same
    address-of-record and instance can carry it.
    """


class StoreError(RingwayError):
    """The location store did not do what it was asked; nothing was changed.

    Args:
        reason: What failed, for a person; no secrets of the store's address.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ConfigError(RingwayError):
    """The configuration says something that cannot be.

    Args:
        file: The file, or the environment variable, that says it.
        key: The dotted key, for instance `registrar.min_expires`.
        value: What it says, as written.
        allowed: What could stand there instead.
    """

    def __init__(self, file: str, key: str, value: object, allowed: str) -> None:
        super().__init__(file, key, value, allowed)
        self.file = file
        self.key = key
        self.value = value
        self.allowed = allowed

    def __str__(self) -> str:
        """One line that says what is wrong, where, and what is allowed."""
        value = str(self.value).lower() if isinstance(self.value, bool) else repr(self.value)
        return f"{self.file}: {self.key} = {value} is not allowed; use {self.allowed}"
