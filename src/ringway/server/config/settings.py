"""Everything a server is told: its plain settings, and how they have to fit together.

The models refuse what cannot be, in words that say what can; `load.py` puts file, key and value in
front of them. Times are seconds once they are here; in TOML they may be written as `2s` or `1h30m`.
The tables are in `sections.py`, the kinds of values in `fields.py`.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from ringway.server.config.fields import (
    AdvertisedEach,
    Domain,
    ListenAt,
    ListOf,
    Section,
    SipUri,
    StoreAt,
    refuse,
)
from ringway.server.config.sections import (
    AuthConfig,
    DnsConfig,
    EdgeConfig,
    HepConfig,
    LimitsConfig,
    LogConfig,
    MetricsConfig,
    PeerConfig,
    RecurseConfig,
    RedirectConfig,
    RegistrationConfig,
    TimersConfig,
    TlsConfig,
    UserConfig,
    WebConfig,
    WebSocketConfig,
)
from ringway.server.config.values import Advertised, Listen, default_state_dir, read_listen

__all__ = ["DEFAULT_LISTEN", "Config", "RoleChoice", "with_state_dir"]


class RoleChoice(StrEnum):
    """What a server is: everything, only the edge that owns flows, or only what is behind it.

    A registrar refuses phones that register at it directly; otherwise it is as ALL.
    """

    ALL = "all"
    EDGE = "edge"
    REGISTRAR = "registrar"


DEFAULT_LISTEN = (read_listen("udp:127.0.0.1:5060"), read_listen("tcp:127.0.0.1:5060"))


class Config(Section):
    """Everything a server is told. Read it with `ringway.server.config.load.load_config`."""

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
    """Insists on `no_auth` on addresses that other machines reach."""
    relay: Literal["off", "registered", "any"] = "off"
    """Who may call other domains through us."""
    history: Literal["off", "history-info", "diversion"] = "off"
    """How a retargeted request says where it was addressed before."""
    auth: AuthConfig = AuthConfig()
    edge: EdgeConfig = EdgeConfig()
    tls: TlsConfig = TlsConfig()
    recurse: RecurseConfig = RecurseConfig()
    timers: TimersConfig = TimersConfig()
    registration: RegistrationConfig = RegistrationConfig()
    websocket: WebSocketConfig = WebSocketConfig()
    web: WebConfig = WebConfig()
    limits: LimitsConfig = LimitsConfig()
    dns: DnsConfig = DnsConfig()
    log: LogConfig = LogConfig()
    metrics: MetricsConfig = MetricsConfig()
    hep: HepConfig = HepConfig()
    user: tuple[UserConfig, ...] = ()
    peer: tuple[PeerConfig, ...] = ()
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
            if listen.transport in {"tls", "wss"} and not self.tls.certificate:
                refuse("listen", str(listen), "it together with tls.certificate and tls.key")
        if isinstance(self.advertise, dict):
            for name in self.advertise:
                if name not in {str(listen) for listen in seen}:
                    refuse("advertise", name, "entries of listen as its keys")

    def _check_authentication(self) -> None:
        public = next((listen for listen in self.listen if listen.public), None)
        if self.no_auth and public is not None and not self.allow_unauthenticated_public:
            refuse(
                "no_auth",
                True,
                f"it on loopback addresses only ({public} is not one), or insist with "
                "allow_unauthenticated_public = true",
            )


def with_state_dir(config: Config) -> Config:
    """The configuration with the usual state directory where it names none."""
    if config.state_dir is not None:
        return config
    return config.model_copy(update={"state_dir": default_state_dir()})
