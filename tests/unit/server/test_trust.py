"""From the configuration to who is trusted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ringway.auth import Algorithm, User, Users, make_user
from ringway.auth.users_file import add_user
from ringway.errors import ConfigError
from ringway.server.config.load import make_config
from ringway.server.config.settings import Config
from ringway.server.policy import May, Peer
from ringway.server.trust import (
    authenticator,
    doubts,
    exposed,
    find_named,
    find_peers,
    find_users,
    policy_rules,
)
from ringway.transport.flow import Address, Flow

REALMS = ("example.com", "example.net")
ALICE = make_user("alice", "example.com", "secret")
HASH = ALICE.hashes[Algorithm.SHA_256]


def told(**settings: Any) -> Config:
    return make_config(**settings)


def in_config(name: str = "alice", **more: str) -> dict[str, str]:
    return {"name": name, "sha_256": HASH, **more}


class TestUsers:
    def test_of_the_configuration_are_in_our_first_domain(self) -> None:
        users = find_users(told(user=[in_config()]), REALMS)
        assert [(str(user), dict(user.hashes)) for user in users] == [
            ("alice@example.com", {Algorithm.SHA_256: HASH})
        ]

    def test_or_in_the_one_they_name(self) -> None:
        (user,) = find_users(told(user=[in_config(realm="Example.NET")]), REALMS)
        assert str(user) == "alice@example.net"

    def test_of_the_file_in_the_state_directory(self, tmp_path: Path) -> None:
        add_user(tmp_path / "users.toml", ALICE)
        assert list(find_users(told(state_dir=tmp_path), REALMS)) == [ALICE]

    def test_there_need_be_no_such_file(self, tmp_path: Path) -> None:
        assert len(find_users(told(state_dir=tmp_path), REALMS)) == 0
        assert len(find_users(told(), REALMS)) == 0

    def test_of_a_file_of_ones_own_instead(self, tmp_path: Path) -> None:
        add_user(tmp_path / "users.toml", make_user("bob", "example.com", "x"))
        add_user(tmp_path / "other.toml", ALICE)
        config = told(state_dir=tmp_path, auth={"users": tmp_path / "other.toml"})
        assert list(find_users(config, REALMS)) == [ALICE]

    @pytest.mark.parametrize(
        ("mode", "what"),
        [
            (0o600, ""),
            (0o640, ""),
            (0o644, "everybody on this machine can read the hashes"),
            (0o660, "others on this machine can change the users"),
            (0o602, "others on this machine can change the users"),
        ],
    )
    def test_of_a_file_that_others_can_use(self, tmp_path: Path, mode: int, what: str) -> None:
        add_user(tmp_path / "users.toml", ALICE)
        (tmp_path / "users.toml").chmod(mode)
        assert exposed(told(state_dir=tmp_path)).startswith(what)
        assert exposed(told(auth={"users": tmp_path / "users.toml"})).startswith(what)
        assert bool(exposed(told(state_dir=tmp_path))) is bool(what)
        assert exposed(told()) == exposed(told(state_dir=tmp_path / "none")) == ""

    def test_one_that_stands_twice(self, tmp_path: Path) -> None:
        add_user(tmp_path / "users.toml", ALICE)
        with pytest.raises(ConfigError, match=r"alice@example\.com is there twice"):
            find_users(told(state_dir=tmp_path, user=[in_config()]), REALMS)

    @pytest.mark.parametrize("name", ["al:ice", "al\x07ice"])
    def test_a_name_that_cannot_be(self, name: str) -> None:
        with pytest.raises(ConfigError, match=r"user\[1\]\.name"):
            find_users(told(user=[in_config(), in_config(name)]), REALMS)


class TestDoubts:
    def said(self, *users: User, algorithms: Sequence[Algorithm] = tuple(Algorithm)) -> list[str]:
        return list(doubts(Users(users), REALMS, algorithms))

    def test_none(self) -> None:
        assert self.said(ALICE) == []

    def test_no_users(self) -> None:
        (line,) = self.said()
        assert "nobody can prove who it is" in line

    def test_of_no_domain_of_ours(self) -> None:
        (line,) = self.said(ALICE, make_user("bob", "example.org", "x"))
        assert line.endswith("they cannot log in: bob@example.org")

    def test_without_a_hash_that_is_asked_for(self) -> None:
        old = [User(f"old{n}", REALMS[0], {Algorithm.MD5: "0" * 32}) for n in range(5)]
        lines = self.said(ALICE, *old)
        assert [line.split()[0] for line in lines] == ["SHA-256", "SHA-512-256"]
        assert "old0@example.com, old1@example.com, old2@example.com and 2 more" in lines[0]
        assert self.said(*old, algorithms=[Algorithm.MD5]) == []


class TestRules:
    def test_third_party_users_are_addresses(self) -> None:
        config = told(auth={"third_party": ["sip:Admin@10.0.0.1", "sips:%62oss@example.net"]})
        rules = policy_rules(config, REALMS, {"10.0.0.1": "example.com"})
        assert rules.third_party == {"sip:Admin@example.com", "sip:boss@example.net"}
        assert rules.domains == set(REALMS)

    @pytest.mark.parametrize(
        ("relay", "may"), [("off", False), ("registered", True), ("any", True)]
    )
    def test_users_may_call_others_where_relaying_is_on(self, relay: str, *, may: bool) -> None:
        assert policy_rules(told(relay=relay), REALMS, {}).relay is may


def test_every_setting_reaches_the_authenticator() -> None:
    auth = {
        "algorithms": ["MD5"],
        "md5_only": "Old",
        "nonce_life": "20s",
        "nonces": 100,
        "bind_source": True,
        "allow_without_qop": True,
        "check_uri": False,
    }
    config = told(auth=auth)
    made = authenticator(config, REALMS, Users([ALICE]))
    settings = made._settings
    for name in auth:
        assert getattr(settings, name) == getattr(config.auth, name), name
    assert made.realms == REALMS
    other = authenticator(config, REALMS, Users())
    assert made._decoy_key != other._decoy_key


class TestPeers:
    def find(self, host: str, *names: str, **peer: Any) -> str | None:
        peers = find_peers(told(peer=[{"name": "trunk", **peer}]), lambda _flow: names)
        found = peers(Flow("udp", Address("192.0.2.1", 5060), Address(host, 5060)))
        return None if found is None else found.name

    @pytest.mark.parametrize(
        ("host", "known"),
        [
            ("192.0.2.17", True),
            ("192.0.2.32", False),
            ("2001:db8::1:2", True),
            ("2001:db9::1", False),
            ("fe80::1%eth0", False),
        ],
    )
    def test_by_address(self, host: str, *, known: bool) -> None:
        addresses = ["192.0.2.16/28", "2001:db8::/32"]
        assert (self.find(host, addresses=addresses) == "trunk") is known

    @pytest.mark.parametrize(
        ("names", "known"),
        [(("x", "PBX.example.com"), True), ((), False), (("pbx.example.com.evil.example",), False)],
    )
    def test_by_certificate(self, names: tuple[str, ...], *, known: bool) -> None:
        found = self.find("198.51.100.1", *names, certificates="pbx.Example.com")
        assert (found == "trunk") is known

    def test_what_they_may(self) -> None:
        config = told(peer=[{"name": "t", "addresses": "192.0.2.1", "may": ["register", "relay"]}])
        flow = Flow("udp", Address("192.0.2.1", 5060), Address("192.0.2.1", 5060))
        peer = find_peers(config, lambda _flow: ())(flow)
        assert peer is not None
        assert peer.may == {May.REGISTER, May.RELAY}

    def test_without_any_nobody_is_asked(self) -> None:
        def never(_flow: Flow) -> Sequence[str]:
            raise AssertionError

        flow = Flow("tls", Address("192.0.2.1", 5061), Address("192.0.2.1", 5061))
        assert find_peers(told(), never)(flow) is None


def test_a_peer_is_known_by_the_name_that_its_certificate_has_to_bear() -> None:
    peer = {"name": "trunk", "certificates": ["Trunk.Example"], "may": ["call"]}
    config = told(peer=[peer])
    find = find_named(lambda: config)
    assert find("trunk.example") == Peer("trunk", frozenset({May.CALL}))
    assert find("other.example") is None
    config = told(peer=[peer], tls={"verify": False})
    assert find("trunk.example") is None
