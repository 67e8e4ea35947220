"""`ringway user`: who may register and call, in a file of hashes.

A password comes from the terminal without being shown, or from standard input when that is no
terminal. It is never an argument: those are seen by everybody on the machine, and kept in the
shell's history.
"""

from __future__ import annotations

import getpass
import json
import sys
import unicodedata
from pathlib import Path
from typing import Annotated

import typer

from ringway.cli.options import ConfigFile, Json, StateDirectory, find_state_dir
from ringway.errors import ConfigError
from ringway.explain.text import escape

__all__ = ["user"]

USERS_FILE = "users.toml"
USER_FORM = "NAME@REALM, for instance alice@example.com"

user = typer.Typer(
    help="Say who may register and call.", rich_markup_mode=None, add_completion=False
)

Who = Annotated[
    str,
    typer.Argument(
        metavar="USER",
        help="The name that the phone logs in with, and the realm: alice@example.com.",
    ),
]
File = Annotated[
    Path | None,
    typer.Option(
        "--file",
        metavar="FILE",
        help="The users file; without it users.toml in the state directory.",
    ),
]


@user.command("add")
def user_add(
    who: Who,
    file: File = None,
    config: ConfigFile = None,
    state_dir: StateDirectory = None,
) -> None:
    """Add a user, or give one another password.

    The password is asked for twice, or read from standard input: the first line of it.
    """
    from ringway.auth.users import make_user  # noqa: PLC0415 - slow, and seldom needed
    from ringway.auth.users_file import add_user  # noqa: PLC0415 - slow, and seldom needed

    name, realm = _split(who)
    # What is wrong with the name is said before a password is asked for.
    try:
        make_user(name, realm, "")
    except ValueError:
        raise _no_user(who) from None
    place = _place(file, config, state_dir)
    new = add_user(place, make_user(name, realm, _read_password(who)))
    _print(f"{name}@{realm} {'was added to' if new else 'has a new password in'} {place}.")


@user.command("list")
def user_list(
    file: File = None,
    config: ConfigFile = None,
    state_dir: StateDirectory = None,
    json_output: Json = False,
) -> None:
    """Show the users there are, and the algorithms they can log in with; no hashes."""
    from ringway.auth.users import Users  # noqa: PLC0415 - slow, and seldom needed
    from ringway.auth.users_file import load_users  # noqa: PLC0415 - slow, and seldom needed

    place = _place(file, config, state_dir)
    users = load_users(place) if file is not None or place.exists() else Users()
    if json_output:
        facts = [
            {
                "name": each.name,
                "realm": each.realm,
                "algorithms": [algorithm.value for algorithm in each.hashes],
            }
            for each in users
        ]
        sys.stdout.write(json.dumps(facts, indent=2) + "\n")
        return
    if not len(users):
        _print("There are no users.")
    for each in users:
        _print(f"{each}  ({', '.join(algorithm.value for algorithm in each.hashes)})")


@user.command("remove")
def user_remove(
    who: Who,
    file: File = None,
    config: ConfigFile = None,
    state_dir: StateDirectory = None,
) -> None:
    """Remove a user; the exit status is 1 if there is none."""
    from ringway.auth.users_file import remove_user  # noqa: PLC0415 - slow, and seldom needed

    name, realm = _split(who)
    place = _place(file, config, state_dir)
    if not remove_user(place, realm, name):
        _print(f"{name}@{realm} is not in {place}.")
        raise typer.Exit(1)
    _print(f"{name}@{realm} was removed from {place}.")


def _split(who: str) -> tuple[str, str]:
    """Return name and realm; an address will do, and a name may hold an "@" itself."""
    name, at, realm = unicodedata.normalize("NFC", who).removeprefix("sip:").rpartition("@")
    if not at or not name or not realm:
        raise _no_user(who)
    return name, realm.lower().strip("[]")  # it is a domain, and so the server writes it


def _no_user(who: str) -> ConfigError:
    return ConfigError("command line", "USER", who, USER_FORM)


def _place(file: Path | None, config: Path | None, state_dir: Path | None) -> Path:
    return file if file is not None else find_state_dir(config, state_dir) / USERS_FILE


def _read_password(who: str) -> str:
    """Ask for a password twice, or read it from standard input where nobody can be asked."""
    if not sys.stdin.isatty():
        try:
            password = sys.stdin.readline().rstrip("\r\n")
        except UnicodeDecodeError:
            raise ConfigError("standard input", "password", "...", "text in UTF-8") from None
    else:
        password = getpass.getpass(f"Password of {escape(who)}: ")
        if password != getpass.getpass("The same again: "):
            raise ConfigError("terminal", "password", "...", "the same one twice")
    if not password:
        raise ConfigError("terminal", "password", "", "at least one character")
    return password


def _print(line: str) -> None:
    sys.stdout.write(escape(line, longest=0) + "\n")
