"""Users and what stands for their passwords: the digest of name, realm and password.

A hash is made for one realm and one algorithm (HA1, RFC 7616 §3.4.2). Who reads it can answer
challenges of that realm, so it is as secret as a password there, but it opens nothing elsewhere.

A users file is TOML that people can read, merge and edit:

    [[user]]
    name = "alice"
    realm = "example.com"
    sha_256 = "64 hexadecimal digits"
    sha_512_256 = "64 hexadecimal digits"
    md5 = "32 hexadecimal digits"

One hash is enough; a user can then answer with that algorithm only. An unknown key is a fault, and
no error shows a value that may be a secret.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from ringway.auth.algorithms import Algorithm, make_ha1
from ringway.errors import ConfigError

__all__ = [
    "User",
    "Users",
    "check_name",
    "check_user_name",
    "format_user",
    "make_user",
    "parse_users",
    "read_user",
]

KEYS: Final[dict[Algorithm, str]] = {
    Algorithm.SHA_256: "sha_256",
    Algorithm.SHA_512_256: "sha_512_256",
    Algorithm.MD5: "md5",
}
"""The key of each algorithm's hash, in the order they are written in."""

NAME_FORM: Final = "text in quotes, not empty, without control characters"
_ALL_KEYS: Final = ("name", "realm", *KEYS.values())
_HEX: Final = re.compile("[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class User:
    """Who can answer challenges of a realm.

    Attributes:
        name: The username of the credentials; upper and lower case differ.
        realm: The realm, for instance the domain.
        hashes: HA1 by algorithm, in lower-case hexadecimal.
    """

    name: str
    realm: str
    hashes: Mapping[Algorithm, str] = field(repr=False, hash=False)

    def __str__(self) -> str:
        return f"{self.name}@{self.realm}"


class Users:
    """All users, to be looked up by realm and name.

    Args:
        users: The users.

    Raises:
        ValueError: A name stands twice in one realm.
    """

    __slots__ = ("_users",)

    def __init__(self, users: Iterable[User] = ()) -> None:
        self._users: dict[tuple[str, str], User] = {}
        for user in users:
            if (user.realm, user.name) in self._users:
                twice = f"{user} is there twice"
                raise ValueError(twice)
            self._users[user.realm, user.name] = user

    def find(self, realm: str, name: str) -> User | None:
        """Return a user, None if there is none of that name in that realm."""
        return self._users.get((realm, name))

    def without(self, algorithms: Iterable[Algorithm]) -> list[tuple[User, Algorithm]]:
        """Return who cannot answer with which of the given algorithms.

        A client that takes such a challenge fails with the right password, so offer an algorithm
        only if this is empty for it.
        """
        return [
            (user, algorithm)
            for algorithm in algorithms
            for user in self
            if algorithm not in user.hashes
        ]

    def __iter__(self) -> Iterator[User]:
        return iter(self._users.values())

    def __len__(self) -> int:
        return len(self._users)


def check_name(text: str) -> str:
    """Return the name of a user or realm if it can be one.

    Raises:
        ValueError: It is empty, or has control characters or halves of a character in it.
    """
    if not text or any(unicodedata.category(char) in {"Cc", "Cs"} for char in text):
        raise ValueError(NAME_FORM)
    return text


def make_user(name: str, realm: str, password: str) -> User:
    """Make a user with every hash there is.

    Args:
        name: The username, as the client sends it.
        realm: The realm.
        password: The password; it is hashed and not kept.

    Raises:
        ValueError: The name or the realm cannot be one; the text says what can.
    """
    # Phones send what they are given; NFC is what RFC 7616 §4 asks for.
    name, realm, password = (unicodedata.normalize("NFC", text) for text in (name, realm, password))
    check_user_name(name)
    check_name(realm)
    return User(name, realm, {each: make_ha1(each, name, realm, password) for each in KEYS})


def read_user(table: Mapping[str, object], file: str, key: str) -> User:
    """Read a user from a table of a TOML file.

    Args:
        table: The table.
        file: The file, for the error.
        key: The table's dotted key, for the error.

    Raises:
        ConfigError: A key is unknown or missing, or its value cannot be.
    """
    for name in table:
        if name not in _ALL_KEYS:
            close = difflib.get_close_matches(name, _ALL_KEYS, n=1)
            allowed = f"{close[0]} (the nearest)" if close else "one of " + ", ".join(_ALL_KEYS)
            raise ConfigError(file, f"{key}.{name}", "...", allowed)
    hashes = {
        algorithm: _read_hash(table[name], algorithm, file, f"{key}.{name}")
        for algorithm, name in KEYS.items()
        if name in table
    }
    user = User(_read_name(table, "name", file, key), _read_name(table, "realm", file, key), hashes)
    if not hashes:
        raise ConfigError(file, key, str(user), "at least one of " + ", ".join(KEYS.values()))
    return user


def parse_users(text: str, file: str) -> Users:
    """Read a users file.

    Args:
        text: What is in it.
        file: Its name, for the error.

    Raises:
        ConfigError: The first fault: it is no TOML, a key is unknown or missing, a value cannot
            be, or a user stands twice.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _toml_fault(text, file, str(error)) from None
    for key in content:
        if key != "user":
            raise ConfigError(file, key, "...", "[[user]] tables and nothing else")
    tables = content.get("user", [])
    if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
        raise ConfigError(file, "user", "...", "[[user]] tables")
    seen: dict[tuple[str, str], int] = {}
    users: list[User] = []
    for number, table in enumerate(tables):
        user = read_user(table, file, f"user[{number}]")
        first = seen.setdefault((user.realm, user.name), number)
        if first != number:
            allowed = f"one table for each user (user[{first}] is the same)"
            raise ConfigError(file, f"user[{number}].name", user.name, allowed)
        users.append(user)
    return Users(users)


def format_user(user: User) -> str:
    """Return a user as a table of a users file, its line ends included."""
    # What JSON escapes in a text, TOML reads.
    lines = [
        "[[user]]",
        f"name = {json.dumps(user.name, ensure_ascii=False)}",
        f"realm = {json.dumps(user.realm, ensure_ascii=False)}",
        *(
            f'{key} = "{user.hashes[algorithm]}"'
            for algorithm, key in KEYS.items()
            if algorithm in user.hashes
        ),
    ]
    return "".join(f"{line}\n" for line in lines)


def check_user_name(text: str) -> str:
    """Return the name of a user if it can be one.

    Raises:
        ValueError: As `check_name`, or it has a colon in it.
    """
    # A1 is name:realm:password, so a colon in the name would make two users one.
    if ":" in check_name(text):
        colon = f"{NAME_FORM} and colons"
        raise ValueError(colon)
    return text


def _read_name(table: Mapping[str, object], name: str, file: str, key: str) -> str:
    value = table.get(name)
    if value is None:
        raise ConfigError(file, f"{key}.{name}", "", "a value; it cannot be left out")
    check = check_user_name if name == "name" else check_name
    try:
        return check(value if isinstance(value, str) else "")
    except ValueError as error:
        raise ConfigError(file, f"{key}.{name}", value, str(error)) from None


def _read_hash(value: object, algorithm: Algorithm, file: str, key: str) -> str:
    if isinstance(value, str):
        text = value.lower()
        if len(text) == algorithm.digits and _HEX.fullmatch(text) is not None:
            return text
    # Not the value: it may be a password that somebody put here.
    allowed = f"the {algorithm.digits} hexadecimal digits that `ringway user add` writes"
    raise ConfigError(file, key, "...", allowed)


def _toml_fault(text: str, file: str, reason: str) -> ConfigError:
    place = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)", reason)
    number = int(place[1]) if place and place[1] else max(len(text.splitlines()), 1)
    what = reason[: place.start()] if place else reason
    # What tomllib quotes of the file may be part of a secret.
    what = re.sub(r"[\"'`].*[\"'`]", "what stands there", what)
    return ConfigError(file, f"line {number}", "...", f"TOML ({what[:1].lower() + what[1:]})")
