"""The tables of the configuration, with each setting's default and limits.

RFC 3261 §16, RFC 5626 §4.4 and §7, RFC 5393 §5 and RFC 3263 say what most of them mean.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from ringway.auth import Algorithm
from ringway.server.config.fields import (
    LOOPBACK,
    AnyUri,
    CollectorAt,
    Domain,
    ListOf,
    NetworkOf,
    Origin,
    ReadableFile,
    Seconds,
    Section,
    SipUri,
    WebAt,
    hash_of,
    refuse,
)
from ringway.server.config.values import WebListen
from ringway.server.policy import Calls, May
from ringway.transport.flow import Address

__all__ = [
    "AuthConfig",
    "DnsConfig",
    "EdgeConfig",
    "HepConfig",
    "LimitsConfig",
    "LogConfig",
    "MetricsConfig",
    "PeerConfig",
    "RecurseConfig",
    "RedirectConfig",
    "RegistrationConfig",
    "TimersConfig",
    "TlsConfig",
    "UserConfig",
    "WebConfig",
    "WebSocketConfig",
]


class TlsConfig(Section):
    """`[tls]`: certificates for tls and wss."""

    certificate: Annotated[tuple[ReadableFile, ...], ListOf] = ()
    """PEM file with our certificate and those that signed it; of several, the one that is for the
    name a client asks for is shown, else the first."""
    key: Annotated[tuple[ReadableFile, ...], ListOf] = ()
    """PEM file with its key, without a passphrase; as many as certificates, in their order."""
    authorities: ReadableFile | None = None
    """PEM file with the authorities we trust in others; the system's if there is none."""
    verify: bool = True
    """Whether the certificates of servers we connect to are checked."""
    clients: ReadableFile | None = None
    """PEM file with the authorities whose certificates we take from clients, such as trunks; none
    asks for no certificate."""
    require: bool = False
    """Whether clients without such a certificate are turned away."""

    @model_validator(mode="after")
    def _belong_together(self) -> TlsConfig:
        if self.certificate and not self.key:
            refuse("tls.key", "", "the file with the certificate's key")
        if self.key and not self.certificate:
            refuse("tls.certificate", "", "the file with the key's certificate")
        if len(self.certificate) != len(self.key):
            files = ", ".join(str(file) for file in self.key)
            refuse("tls.key", files, "one key for each certificate, in their order")
        if self.require and self.clients is None:
            refuse("tls.require", True, "it together with tls.clients")
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
    handler: Annotated[Seconds, Field(gt=0, le=30)] = 5.0
    """How long a handler of yours may take to decide about one request."""
    drain: Annotated[Seconds, Field(ge=0, le=3600)] = 10.0
    """How long requests under way may take to end when the server is told to stop."""
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
    """Web pages that may connect, by their origin. Without any: all; with `no_auth` those of this
    machine, and of the host that is listened on."""


class WebConfig(Section):
    """`[web]`: the reference as web pages and JSON, over HTTP."""

    listen: WebAt = WebListen(Address("127.0.0.1", 8080))
    """Where to serve it, as ADDRESS:PORT; off does not. No fault when the default is taken."""


class LimitsConfig(Section):
    """`[limits]`: what one server takes upon itself."""

    message_size: Annotated[int, Field(ge=2048, le=1_048_576)] = 65_536
    """Bytes of the body of one message; a larger one is answered with 513."""
    header_size: Annotated[int, Field(ge=2048, le=65_536)] = 32_768
    """Bytes of its start line and header fields together; more are answered with 513."""
    headers: Annotated[int, Field(ge=32, le=4096)] = 256
    """Lines of its header; more are answered with 513."""
    message_time: Annotated[Seconds, Field(ge=1, le=600)] = 30.0
    """How long a message may take to come, and the first one on a connection that was accepted."""
    handshake_time: Annotated[Seconds, Field(ge=1, le=60)] = 10.0
    """How long a peer may take for the handshake of TLS, and for that of a WebSocket."""
    write_buffer: Annotated[int, Field(ge=65_536, le=67_108_864)] = 1_048_576
    """Bytes that may wait for a peer to read them; with more it is cut off."""
    connections: Annotated[int, Field(ge=1)] = 100_000
    """Connections at one time, handshakes too; more are closed as they come."""
    connections_per_source: Annotated[int, Field(ge=1)] = 1000
    """Connections at one time from one source."""
    handshakes_per_source: Annotated[int, Field(ge=1)] = 200
    """TLS handshakes under way at one time with one source; more connections are closed."""
    transactions: Annotated[int, Field(ge=100)] = 200_000
    """Transactions at one time, of both sides; then new requests get 503 with Retry-After."""
    handlers: Annotated[int, Field(ge=1, le=1_000_000)] = 5000
    """Handlers of yours that may be at work at one time, for a request each; then 503."""
    request_rate: Annotated[float, Field(ge=0, le=1_000_000)] = 100.0
    """Requests of one source in a second, in the long run; more get 503. 0 for no limit."""
    request_burst: Annotated[int, Field(ge=1, le=1_000_000)] = 500
    """Requests of one source at once; and the 503 it may get before it gets nothing."""
    ban_failures: Annotated[int, Field(ge=0, le=1_000_000)] = 100
    """Failures of strangers (401, 403, 404, 407), and wrong passwords, after which a source is not
    heard for a while. 0 for never."""
    ban_window: Annotated[Seconds, Field(ge=1, le=86_400)] = 60.0
    """How long it takes until that many failures are forgiven."""
    ban_time: Annotated[Seconds, Field(ge=1, le=86_400)] = 300.0
    """How long nothing is taken from a banned source."""
    sources: Annotated[int, Field(ge=100, le=10_000_000)] = 50_000
    """Sources that are remembered, and bans; who was silent longest is forgotten first."""
    exempt: Annotated[tuple[NetworkOf, ...], ListOf] = LOOPBACK
    """Networks for which nothing is counted per source, besides the addresses of peers."""
    max_breadth: Annotated[int, Field(ge=1, le=1000)] = 60
    """Branches that one request may have at once; with none left it is answered with 440."""
    lag: Annotated[Seconds, Field(ge=0, le=10)] = 0.25
    """How long what has arrived may wait before requests are shed with 503. 0 for no limit."""
    retry_after: Annotated[Seconds, Field(ge=1, le=3600)] = 5.0
    """What such a 503 asks to wait: from this to twice as long, spread over the callers."""


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
    messages: bool = False
    """Whether the messages themselves are told too, without secrets; with format json."""

    @model_validator(mode="after")
    def _have_a_form(self) -> LogConfig:
        if self.messages and self.format != "json":
            refuse("log.messages", True, 'it together with log.format = "json"')
        return self


class AuthConfig(Section):
    """`[auth]`: who has to prove who they are, by digest (RFC 3261 §22, RFC 8760)."""

    users: ReadableFile | None = None
    """The file of `ringway user`; users.toml in the state directory if there is one."""
    calls: Calls = Calls.EVERYONE
    """Whose calls to our users need a password: of everyone, or of those who say they are ours."""
    third_party: Annotated[tuple[SipUri, ...], ListOf] = ()
    """Users who may register others, as sip:admin@example.com."""
    algorithms: Annotated[tuple[Algorithm, ...], ListOf, Field(min_length=1)] = tuple(Algorithm)
    """What is offered, the most preferred first."""
    md5_only: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], ListOf] = (
        "baresip v0.",
        "baresip v1.",
        "baresip v2.",
    )
    """How the User-Agent of phones begins that give up where anything but MD5 is offered."""
    nonce_life: Annotated[Seconds, Field(ge=1, le=86_400)] = 300.0
    """How long a challenge may be answered; after that it is asked again, with stale."""
    nonces: Annotated[int, Field(ge=100, le=10_000_000)] = 65_536
    """Challenges in use that are remembered; about 220 bytes each."""
    bind_source: bool = False
    """Whether a challenge may be answered only from the address it was sent to."""
    allow_without_qop: bool = False
    """Whether answers as in RFC 2069 are taken, each challenge once."""
    check_uri: bool = True
    """Whether an answer must be for the Request-URI of its request."""


class EdgeConfig(Section):
    """`[edge]`: who may use what an edge gives to its phones."""

    path_from: Literal["registrar", "anyone"] = "registrar"
    """Who may send along the Path of a phone, past every password: the registrar, by its addresses,
    and peers that may call; or anyone who has seen it."""


class UserConfig(Section):
    """`[[user]]`: somebody who may register and call; hashes only, as `ringway user` makes them."""

    name: Annotated[str, Field(min_length=1)]
    """What the phone logs in with: the user part of the address."""
    realm: Domain | None = None
    """The domain; our first one without it."""
    sha_256: Annotated[str, hash_of(64)] | None = None
    """The hash of name:realm:password by SHA-256."""
    sha_512_256: Annotated[str, hash_of(64)] | None = None
    """The same by SHA-512-256."""
    md5: Annotated[str, hash_of(32)] | None = None
    """The same by MD5, for phones that know nothing else."""

    @model_validator(mode="after")
    def _has_ahash_of(self) -> UserConfig:
        if not (self.sha_256 or self.sha_512_256 or self.md5):
            refuse("user", self.name, "at least one of sha_256, sha_512_256, md5")
        return self


class PeerConfig(Section):
    """`[[peer]]`: a system that needs no password, known by its address or its certificate."""

    name: Annotated[str, Field(min_length=1)]
    """What it is called in the story."""
    addresses: Annotated[tuple[NetworkOf, ...], ListOf] = ()
    """Addresses or networks it sends from: 192.0.2.10, 2001:db8::/32."""
    certificates: Annotated[tuple[str, ...], ListOf] = ()
    """Names in the client certificate it shows."""
    may: Annotated[frozenset[May], ListOf] = frozenset({May.CALL})
    """What it may do: register, call our users, relay to others."""

    @model_validator(mode="after")
    def _is_known_by_something(self) -> PeerConfig:
        if not (self.addresses or self.certificates):
            refuse("peer.addresses", self.name, "addresses or certificates to know it by")
        return self


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


class MetricsConfig(Section):
    """`[metrics]`: numbers for Prometheus at /metrics, and /healthz, over HTTP."""

    listen: WebAt = WebListen(Address("127.0.0.1", 9460))
    """Where to serve them, as ADDRESS:PORT; off does not. No fault when the default is taken."""


class HepConfig(Section):
    """`[hep]`: copies of all SIP messages for a collector such as Homer, by HEP version 3."""

    collector: CollectorAt | None = None
    """Where to send them, as TRANSPORT:HOST:PORT with udp or tcp; without it nothing is sent."""
    capture_id: Annotated[int, Field(ge=0, le=4_294_967_295)] = 0
    """The number by which the collector tells this server from others."""
    key: str | None = None
    """What the collector wants to see in each packet; anybody on the way can read it."""
    mask: bool = True
    """Whether secrets are left out: what passwords could be tried against, and keys of media."""
