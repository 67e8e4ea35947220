"""What the settings of a server are made of: kinds of values, and what is said of wrong ones.

`sections.py` and `config.py` are written in these words. A kind reads what stands in a file, a
variable or an option, and refuses it in words that say what could stand there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Final, NoReturn

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainValidator
from pydantic_core import PydanticCustomError

from ringway.errors import ParseError
from ringway.message.uri import parse_uri
from ringway.server.config.values import (
    Advertised,
    Collector,
    Listen,
    StoreChoice,
    WebListen,
    read_advertised,
    read_collector,
    read_domain,
    read_duration,
    read_listen,
    read_store,
    read_web_listen,
)

__all__ = [
    "LOOPBACK",
    "AdvertisedEach",
    "AnyUri",
    "CollectorAt",
    "Domain",
    "ListOf",
    "ListenAt",
    "NetworkOf",
    "Origin",
    "ReadableFile",
    "Seconds",
    "Section",
    "SipUri",
    "StoreAt",
    "WebAt",
    "hash_of",
    "refuse",
]

Network = IPv4Network | IPv6Network

# serialized-origin = scheme "://" host [ ":" port ], RFC 6454 §6.2
_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://[a-z0-9._\-\[\]:]+")


LOOPBACK: Final = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


def refuse(key: str, value: object, allowed: str) -> NoReturn:
    """Refuse a value that is wrong only beside others.

    Args:
        key: the dotted key to name.
        value: what it says.
        allowed: what could stand there instead.
    """
    raise PydanticCustomError(
        "beside_others", "{allowed}", {"key": key, "value": value, "allowed": allowed}
    )


def _read(kind: type, read: Callable[[str], object]) -> BeforeValidator:
    return BeforeValidator(lambda value: value if isinstance(value, kind) else read(str(value)))


def _one_is_a_list(value: object) -> object:
    return value if isinstance(value, list | tuple | set | frozenset) else [value]


def _sip_uri(text: str) -> str:
    try:
        uri = parse_uri(text.strip())
    except ParseError:
        uri = None
    if uri is None or uri.scheme not in {"sip", "sips"} or not uri.host:
        raise ValueError("a SIP URI, for instance sip:alice@example.com")
    return text.strip()


def _any_uri(text: str) -> str:
    try:
        parse_uri(text.strip())
    except ParseError:
        raise ValueError("a URI, for instance sip:alice@hotel.example or tel:+4930123") from None
    return text.strip()


def _origin(text: str) -> str:
    origin = text.strip().lower()
    if not _ORIGIN.fullmatch(origin):
        raise ValueError("the origin of a web page, for instance https://phone.example.com")
    return origin


def _read_advertise(value: object) -> Advertised | dict[str, Advertised] | None:
    if value is None or isinstance(value, Advertised):
        return value
    if isinstance(value, dict):
        return {
            str(read_listen(str(key))): read_advertised(str(each)) for key, each in value.items()
        }
    return read_advertised(str(value))


def _readable_file(path: Path) -> Path:
    path = path.expanduser()
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        allowed = f"a file that can be read ({(error.strerror or '').lower()})"
        raise ValueError(allowed) from None


def hash_of(digits: int) -> AfterValidator:
    """Return what refuses a text that is no hash of so many hexadecimal digits."""

    def check(text: str) -> str:
        if not re.fullmatch(f"[0-9a-f]{{{digits}}}", text):
            raise ValueError(f"{digits} hexadecimal digits, as `ringway user` writes them")
        return text

    return AfterValidator(check)


def _network(value: object) -> Network:
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    try:
        return ip_network(str(value))
    except ValueError:
        raise ValueError("an address or a network: 192.0.2.10, 2001:db8::/32") from None


ListOf = BeforeValidator(_one_is_a_list)
NetworkOf = Annotated[Network, PlainValidator(_network)]
Seconds = Annotated[float, BeforeValidator(read_duration)]
Domain = Annotated[str, AfterValidator(read_domain)]
SipUri = Annotated[str, AfterValidator(_sip_uri)]
Origin = Annotated[str, AfterValidator(_origin)]
AnyUri = Annotated[str, AfterValidator(_any_uri)]
ReadableFile = Annotated[Path, AfterValidator(_readable_file)]
ListenAt = Annotated[Listen, _read(Listen, read_listen)]
AdvertisedEach = Annotated[
    Advertised | dict[str, Advertised] | None, PlainValidator(_read_advertise)
]
WebAt = Annotated[WebListen, _read(WebListen, read_web_listen)]
CollectorAt = Annotated[Collector, _read(Collector, read_collector)]
StoreAt = Annotated[StoreChoice, _read(StoreChoice, read_store)]


class Section(BaseModel):
    """What every table of the configuration has in common."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        validate_default=False,
        use_attribute_docstrings=True,
        arbitrary_types_allowed=True,
    )
