"""What one user agent is told: who it is, where it registers, and how patient it is."""

from __future__ import annotations

from dataclasses import dataclass, field

from ringway.message import Uri


@dataclass(frozen=True, slots=True)
class RedirectPolicy:
    """Which redirects are followed without asking (RFC 3261 §8.1.3.4).

    Attributes:
        follow: False leaves every redirect to the application.
        depth: redirects of redirects that are followed.
        targets: Contacts that are tried for one request, over all redirects.
        domains: hosts that may be followed to, lower case; ``*`` stands for all, and a leading
            ``*.`` for a domain and all below it.
        downgrade: True to follow from SIPS to SIP, after telling the application.
    """

    follow: bool = True
    depth: int = 5
    targets: int = 10
    domains: tuple[str, ...] = ("*",)
    downgrade: bool = False


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """Settings of a user agent. Times are seconds.

    Attributes:
        aor: its address-of-record, as ``sip:alice@example.com``.
        display: the display name in From; empty for none.
        outbound: outbound proxies, best first; one flow is kept to each, with reg-ids from 1
            (RFC 5626 §4.2.1). Without one, requests go where RFC 3263 says.
        registrar: where REGISTER is addressed to; None for the domain of the address-of-record.
        registers: False for an agent that only sends.
        instance: the instance-id, a URN (RFC 5626 §4.1); the same over restarts.
        expires: how long a registration is asked to last.
        software: for the User-Agent header; empty for none.
        spread: the first re-registration after a failure comes at a random moment within it.
        base_all_failed: base of the back-off when no flow is left (RFC 5626 §4.5).
        base_not_failed: base of the back-off when another flow works.
        max_wait: the longest wait before another try.
        flow_wait: how long a request within a dialog waits for its flow to be replaced.
        session_expires: the session interval that is asked for (RFC 4028); 0 for no timers.
        min_se: the shortest session interval that is accepted; at least 90.
        redirects: which redirects are followed.
        methods: what is put into Allow.
        ring_time: how long an incoming call may ring before it is answered with 480.
        most_waiting: calls that may wait for their answer at once; what is more gets 486.
    """

    aor: Uri
    display: str = ""
    outbound: tuple[Uri, ...] = ()
    registrar: Uri | None = None
    registers: bool = True
    instance: str = ""
    expires: int = 3600
    software: str = ""
    spread: float = 5.0
    base_all_failed: float = 30.0
    base_not_failed: float = 90.0
    max_wait: float = 1800.0
    flow_wait: float = 32.0
    session_expires: int = 1800
    min_se: int = 90
    redirects: RedirectPolicy = field(default_factory=RedirectPolicy)
    methods: tuple[str, ...] = (
        "INVITE", "ACK", "CANCEL", "BYE", "PRACK", "UPDATE", "OPTIONS", "MESSAGE", "INFO", "REFER",
        "NOTIFY",
    )  # fmt: skip
    ring_time: float = 180.0
    most_waiting: int = 1000
