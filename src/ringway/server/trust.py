"""From the configuration to who is trusted: users, peers, and the rules of the default policy."""

from __future__ import annotations

import secrets
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from typing import Final

from ringway.auth import Algorithm, Authenticator, AuthSettings, User, Users
from ringway.auth.nonce import KEY_LENGTH
from ringway.auth.users import check_user_name
from ringway.auth.users_file import load_users
from ringway.errors import ConfigError
from ringway.location.binding import Synonyms
from ringway.server.config.settings import Config
from ringway.server.policy import Peer, Rules
from ringway.server.wiring import user_aor
from ringway.transport.flow import Flow

__all__ = [
    "USERS_FILE",
    "authenticator",
    "doubts",
    "exposed",
    "find_named",
    "find_peers",
    "find_users",
    "policy_rules",
]

USERS_FILE: Final = "users.toml"


def find_users(config: Config, realms: Sequence[str]) -> Users:
    """Return everybody who has a password: of the configuration and of the users file.

    Args:
        config: the configuration.
        realms: our domains; the first is that of a user who names none.

    Raises:
        ConfigError: a name cannot be or stands twice, or the users file has a fault.
    """
    users: list[User] = []
    for number, each in enumerate(config.user):
        try:
            name = check_user_name(each.name)
        except ValueError as error:
            raise ConfigError("settings", f"user[{number}].name", each.name, str(error)) from None
        hashes = {
            Algorithm.SHA_256: each.sha_256,
            Algorithm.SHA_512_256: each.sha_512_256,
            Algorithm.MD5: each.md5,
        }
        known = {algorithm: ha1 for algorithm, ha1 in hashes.items() if ha1 is not None}
        users.append(User(name, each.realm or realms[0], known))
    path = _users_file(config)
    if path is not None:
        users += load_users(path)
    try:
        return Users(users)
    except ValueError as error:
        allowed = f"each user once, here or in the users file ({error})"
        raise ConfigError("settings", "user", "...", allowed) from None


def exposed(config: Config) -> str:
    """Say who else can read or change the users file; empty when nobody can, or there is none.

    A hash is all that digest needs: who has it logs in without the password (RFC 7616 §5.12).
    """
    path = _users_file(config)
    mode = path.stat().st_mode if path is not None else 0
    if mode & stat.S_IROTH:
        return f"everybody on this machine can read the hashes in {path} (chmod o-rwx)"
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"others on this machine can change the users in {path} (chmod go-w)"
    return ""


def _users_file(config: Config) -> Path | None:
    if config.auth.users is not None or config.state_dir is None:
        return config.auth.users
    path = config.state_dir / USERS_FILE
    return path if path.exists() else None


def doubts(users: Users, realms: Sequence[str], algorithms: Sequence[Algorithm]) -> Iterator[str]:
    """Say what keeps users out whose password is right, a line for each cause."""
    if not len(users):
        yield "there are no users: nobody can prove who it is (ringway user add NAME@DOMAIN)"
    foreign = [str(user) for user in users if user.realm not in realms]
    if foreign:
        yield f"no domain of ours, so they cannot log in: {_some(foreign)}"
    for algorithm in algorithms:
        lacking = [str(user) for user, _ in users.without([algorithm])]
        if lacking:
            yield (
                f"{algorithm.value} is offered, and phones that know it fail without its hash: "
                f"{_some(lacking)} (give them a password again, or set auth.algorithms)"
            )


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def authenticator(config: Config, realms: Sequence[str], users: Users) -> Authenticator:
    """Return what checks credentials, with a key of this process."""
    auth = config.auth
    settings = AuthSettings(
        algorithms=auth.algorithms,
        md5_only=auth.md5_only,
        nonce_life=auth.nonce_life,
        nonces=auth.nonces,
        bind_source=auth.bind_source,
        allow_without_qop=auth.allow_without_qop,
        check_uri=auth.check_uri,
    )
    return Authenticator(users, realms, settings, secrets.token_bytes(KEY_LENGTH))


def policy_rules(config: Config, domains: Sequence[str], synonyms: Synonyms) -> Rules:
    """Return what the default policy asks for."""
    return Rules(
        domains=frozenset(domains),
        relay=config.relay != "off",
        calls=config.auth.calls,
        third_party=frozenset(
            user_aor(each, tuple(domains), synonyms) for each in config.auth.third_party
        ),
    )


def find_peers(
    config: Config, certificate_names: Callable[[Flow], Sequence[str]]
) -> Callable[[Flow], Peer | None]:
    """Return what says which configured system a flow belongs to.

    Args:
        config: the configuration.
        certificate_names: says which names the client certificate of a flow proves.
    """
    networks: list[tuple[IPv4Network | IPv6Network, Peer]] = []
    names: dict[str, Peer] = {}
    for each in config.peer:
        peer = Peer(each.name, each.may)
        networks += [(network, peer) for network in each.addresses]
        names.update(dict.fromkeys(map(str.lower, each.certificates), peer))
    if not networks and not names:
        return _nobody
    known: Mapping[str, Peer] = names

    def find(flow: Flow) -> Peer | None:
        address = ip_address(flow.remote.host)
        for network, peer in networks:
            if address in network:
                return peer
        for name in certificate_names(flow) if known else ():
            if name.lower() in known:
                return known[name.lower()]
        return None

    return find


def find_named(config: Callable[[], Config]) -> Callable[[str], Peer | None]:
    """Return what says which system bears a name that a connection of ours makes it prove.

    Args:
        config: the configuration there is now; without `tls.verify` nobody proves anything.
    """

    def find(name: str) -> Peer | None:
        now = config()
        for each in now.peer if now.tls.verify else ():
            if name in map(str.lower, each.certificates):
                return Peer(each.name, each.may)
        return None

    return find


def _nobody(_flow: Flow) -> Peer | None:
    return None
