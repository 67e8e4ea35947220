"""Every setting of a server, with its default and its limits.

The models refuse what cannot be, in words that say what can; `ringway.server.load` puts file, key
and value in front of them. Times are seconds once they are here; in TOML they may be written as
`2s` or `1h30m`. RFC 3261 §16, RFC 5626 §4.4 and §7, RFC 5393 §5 and RFC 3263 say what most mean.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal, NoReturn

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from ringway.errors import ParseError
from ringway.message.uri import parse_uri
from ringway.server.values import (
    Advertised,
    Listen,
    StoreChoice,
    WebListen,
    default_state_dir,
    read_advertised,
    read_domain,
    read_duration,
    read_listen,
    read_store,
    read_web_listen,
)
from ringway.transport.flow import Address

__all__ = [
    "Config",
    "DnsConfig",
    "LimitsConfig",
    "LogConfig",
    "RecurseConfig",
    "RedirectConfig",
    "RegistrationConfig",
    "RoleChoice",
    "TimersConfig",
    "TlsConfig",
    "WebConfig",
    "WebSocketConfig",
    "refuse",
    "with_state_dir",
]


# serialized-origin = scheme "://" host [ ":" port ], RFC 6454 §6.2
_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://[a-z0-9._\-\[\]:]+")


class RoleChoice(StrEnum):
    """What a server is: everything, only the edge that owns flows, or only what is behind it.

    A registrar refuses phones that register at it directly; otherwise it is as ALL.
    """

    ALL = "all"
    EDGE = "edge"
    REGISTRAR = "registrar"


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


ListOf = BeforeValidator(_one_is_a_list)
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


class TlsConfig(Section):
    """`[tls]`: certificates for tls and wss."""

    certificate: ReadableFile | None = None
    """PEM file with our certificate and those that signed it."""
    key: ReadableFile | None = None
    """PEM file with its key, without a passphrase."""
    authorities: ReadableFile | None = None
    """PEM file with the authorities we trust in others; the system's if there is none."""
    verify: bool = True
    """Whether the certificates of servers we connect to are checked."""

    @model_validator(mode="after")
    def _belong_together(self) -> TlsConfig:
        if self.certificate and not self.key:
            refuse("tls.key", "", "the file with the certificate's key")
        if self.key and not self.certificate:
            refuse("tls.certificate", "", "the file with the key's certificate")
        return self


class RecurseConfig(Section):
    """`[recurse]`: which redirects the proxy follows itself; without domains, none."""

    domains: Annotated[frozenset[Domain], ListOf] = frozenset()
    """Hosts that a Contact of a followed 3xx may name."""
    depth: Annotated[int, Field(ge=1, le=20)] = 5
    """How many redirects in a row one request may follow."""
    targets: Annotated[int, Field(ge=1, le=100)] = 10
    """How many Contacts one request may follow in all."""
    headers: Annotated[frozenset[Annotated[str, AfterValidator(str.lower)]], ListOf] = frozenset()
    """Header fields that a followed Contact URI may set; others are dropped."""


class TimersConfig(Section):
    """`[timers]`: how long things may take."""

    t1: Annotated[Seconds, Field(gt=0, le=10)] = 0.5
    """RFC 3261's estimate of a round trip, from which its other timers follow."""
    t2: Annotated[Seconds, Field(gt=0, le=60)] = 4.0
    """The longest interval between retransmissions, except of an INVITE."""
    t4: Annotated[Seconds, Field(gt=0, le=60)] = 5.0
    """How long a message may stay in the network."""
    flow_timeout: Annotated[Seconds, Field(gt=0, le=32)] = 2.0
    """How long an INVITE waits on a flow that says nothing while another remains."""
    request_flow_timeout: Annotated[Seconds, Field(ge=3.5, le=32)] = 5.0
    """The same for other methods; a 100 to them may not come before 3.5 s."""
    ring_timeout: Annotated[Seconds, Field(gt=0, le=600)] = 20.0
    """How long one tier of q rings while another tier, or a redirect, waits behind it."""
    timer_c: Annotated[Seconds, Field(gt=180, le=3600)] = 185.0
    """How long an INVITE may ring at all."""
    flow_timer: Annotated[Seconds, Field(ge=0, le=3600)] = 120.0
    """The Flow-Timer phones are told, the most they wait between keep-alives; 0 sends none."""


class RegistrationConfig(Section):
    """`[registration]`: what the registrar grants."""

    default_expires: Annotated[Seconds, Field(ge=1)] = 3600.0
    """Granted to a phone that asks for nothing."""
    min_expires: Annotated[Seconds, Field(ge=1)] = 60.0
    """The shortest; less is answered with 423."""
    max_expires: Annotated[Seconds, Field(ge=1)] = 7200.0
    """The longest; more is shortened."""
    spread: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    """How much of the time granted varies, so that phones do not all come back at once."""
    max_contacts: Annotated[int, Field(ge=1, le=1000)] = 20
    """Bindings that one address-of-record may have."""
    require_path: bool = False
    """Whether a phone behind an edge must say `Supported: path`; others get a 420."""

    @model_validator(mode="after")
    def _ordered(self) -> RegistrationConfig:
        if not self.min_expires <= self.max_expires:
            refuse("registration.min_expires", self.min_expires, "max_expires or less")
        if not self.min_expires <= self.default_expires <= self.max_expires:
            refuse(
                "registration.default_expires",
                self.default_expires,
                "something from min_expires to max_expires",
            )
        return self


class WebSocketConfig(Section):
    """`[websocket]`: who may open a WebSocket."""

    origins: Annotated[tuple[Origin, ...], ListOf] = ()
    """Web pages that may connect, by their origin; all if there are none."""


class WebConfig(Section):
    """`[web]`: the reference as web pages and JSON, over HTTP."""

    listen: WebAt = WebListen(Address("127.0.0.1", 8080))
    """Where to serve it, as ADDRESS:PORT; off does not. No fault when the default is taken."""


class LimitsConfig(Section):
    """`[limits]`: what one server takes upon itself."""

    message_size: Annotated[int, Field(ge=2048, le=1_048_576)] = 65_536
    """Bytes of one message on a stream; a larger one is answered with 513."""
    connections: Annotated[int, Field(ge=1)] = 100_000
    """Connections at one time; more are closed as they come."""
    max_breadth: Annotated[int, Field(ge=1, le=1000)] = 60
    """Branches that one request may have at once."""


class DnsConfig(Section):
    """`[dns]`: how names are looked up."""

    nameservers: Annotated[tuple[str, ...], ListOf] = ()
    """IP addresses, or ADDRESS:PORT, of the servers to ask; the system's if there are none."""
    timeout: Annotated[Seconds, Field(gt=0, le=30)] = 3.0
    """How long one question may take."""


class LogConfig(Section):
    """`[log]`: what is told, and how."""

    format: Literal["story", "json"] = "story"
    """Readable lines, or one JSON object a line."""
    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is told."""


class RedirectConfig(Section):
    """`[[redirect]]`: a user who has moved."""

    user: str
    """The address-of-record, or only its user part in our first domain."""
    to: Annotated[tuple[AnyUri, ...], ListOf, Field(min_length=1)]
    """Where callers are sent, the best first."""
    status: Literal[300, 301, 302, 305] = 302
    """How: several choices, moved for good, moved for now, or by way of a proxy."""
    when: Literal["always", "busy", "no-answer", "unreachable"] = "always"
    """What has to happen before."""
    lasts: Annotated[Seconds | None, Field(alias="for", gt=0)] = None
    """For how long from the start of the server; until it is cleared if it does not say."""
    until: datetime | None = None
    """Until when, instead of `for`."""

    @model_validator(mode="after")
    def _one_end(self) -> RedirectConfig:
        if self.lasts is not None and self.until is not None:
            refuse("redirect.until", self.until, "either for or until")
        if self.until is not None and self.until.tzinfo is None:
            refuse("redirect.until", self.until, "a time with its zone, 2030-01-01T12:00:00Z")
        return self


DEFAULT_LISTEN = (read_listen("udp:127.0.0.1:5060"), read_listen("tcp:127.0.0.1:5060"))


class Config(Section):
    """Everything a server is told. Read it with `ringway.server.load.load_config`."""

    role: RoleChoice = RoleChoice.ALL
    """all; edge: only owns flows, in front of a registrar; registrar: phones register at edges."""
    domains: Annotated[tuple[Domain, ...], ListOf] = ()
    """The domains we are responsible for; without any, the addresses we listen on."""
    listen: Annotated[tuple[ListenAt, ...], ListOf, Field(min_length=1)] = DEFAULT_LISTEN
    """Where to listen, as TRANSPORT:ADDRESS:PORT."""
    advertise: AdvertisedEach = None
    """The address others reach us at: one for all, or one for each entry of `listen`."""
    aliases: Annotated[tuple[Domain, ...], ListOf] = ()
    """Other hosts by which requests may mean this server."""
    registrar: SipUri | None = None
    """Where an edge sends what it does not route itself."""
    store: StoreAt | None = None
    """memory or sqlite:PATH; without it, ringway.db in the state directory."""
    state_dir: Path | None = None
    """Where keys, store and control socket are; None keeps nothing."""
    no_auth: bool = False
    """Whether anyone may register and call without a password; only on loopback addresses."""
    allow_unauthenticated_public: bool = False
    """Insists on serving anyone on addresses that other machines reach."""
    relay: Literal["off", "registered", "any"] = "off"
    """Who may call other domains through us."""
    history: Literal["off", "history-info", "diversion"] = "off"
    """How a retargeted request says where it was addressed before."""
    tls: TlsConfig = TlsConfig()
    recurse: RecurseConfig = RecurseConfig()
    timers: TimersConfig = TimersConfig()
    registration: RegistrationConfig = RegistrationConfig()
    websocket: WebSocketConfig = WebSocketConfig()
    web: WebConfig = WebConfig()
    limits: LimitsConfig = LimitsConfig()
    dns: DnsConfig = DnsConfig()
    log: LogConfig = LogConfig()
    redirect: tuple[RedirectConfig, ...] = ()

    @property
    def store_path(self) -> Path | None:
        """The SQLite file, None for memory."""
        if self.store is not None:
            return self.store.path
        return self.state_dir / "ringway.db" if self.state_dir is not None else None

    def advertised(self, listen: Listen) -> Advertised | None:
        """What a listener is advertised as, None: as itself."""
        if isinstance(self.advertise, dict):
            return self.advertise.get(str(listen))
        return self.advertise

    @model_validator(mode="after")
    def _hold_together(self) -> Config:
        if self.role is RoleChoice.EDGE and self.registrar is None:
            refuse("registrar", "", "the URI of the registrar behind this edge")
        if self.role is not RoleChoice.EDGE and self.registrar is not None:
            refuse("registrar", self.registrar, "role = edge with it, or leave it out")
        if self.role is RoleChoice.EDGE and self.relay == "registered":
            refuse("relay", "registered", "off or any: an edge does not know who has registered")
        self._check_listeners()
        self._check_authentication()
        return self

    def _check_listeners(self) -> None:
        seen: set[Listen] = set()
        for listen in self.listen:
            if listen in seen and listen.address.port:
                refuse("listen", str(listen), "each address once")
            seen.add(listen)
            if listen.transport in {"tls", "wss"} and self.tls.certificate is None:
                refuse("listen", str(listen), "it together with tls.certificate and tls.key")
        if isinstance(self.advertise, dict):
            for name in self.advertise:
                if name not in {str(listen) for listen in seen}:
                    refuse("advertise", name, "entries of listen as its keys")

    def _check_authentication(self) -> None:
        public = next((listen for listen in self.listen if listen.public), None)
        if public is None or self.allow_unauthenticated_public:
            return
        if self.no_auth:
            refuse(
                "no_auth",
                True,
                f"it on loopback addresses only ({public} is not one), or insist with "
                "allow_unauthenticated_public = true",
            )
        refuse(
            "listen",
            str(public),
            "a loopback address, or insist with allow_unauthenticated_public = true: there is no "
            "authentication yet, so whoever reaches it can register and call as anyone",
        )


def with_state_dir(config: Config) -> Config:
    """The configuration with the usual state directory where it names none."""
    if config.state_dir is not None:
        return config
    return config.model_copy(update={"state_dir": default_state_dir()})
