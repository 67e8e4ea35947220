"""What the user agent's commands are told: who we are, over which proxies, with which password.

A password is never an argument: those are seen by everybody on the machine, and kept in the
shell's history. It comes from a file, from the environment, or is asked for.

Five commands share these options. They stand once, as the fields of `Told`; `with_options` gives
them to a command.
"""

from __future__ import annotations

import dataclasses
import functools
import getpass
import inspect
import os
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from ringway.errors import ConfigError
from ringway.transport.flow import Address, is_numeric

__all__ = ["Told", "with_options"]


@dataclass(frozen=True, slots=True)
class Told:
    """The options that all commands of the user agent have."""

    aor: Annotated[
        str | None,
        typer.Option(
            "--as",
            "-a",
            envvar="RINGWAY_AOR",
            metavar="AOR",
            help="Who you are: sip:alice@example.com.",
        ),
    ] = None
    outbound: Annotated[
        list[str] | None,
        typer.Option(
            "--outbound",
            "-o",
            envvar="RINGWAY_OUTBOUND",
            metavar="URI",
            help="An outbound proxy, 'sip:edge1.example.com;transport=tls'; repeat it.",
        ),
    ] = None
    registrar: Annotated[
        str | None,
        typer.Option(
            "--registrar", metavar="URI", help="Where to register, if not at the domain of AOR."
        ),
    ] = None
    username: Annotated[
        str | None,
        typer.Option(
            "--username", metavar="NAME", help="The name to log in with, if not the user of AOR."
        ),
    ] = None
    password_file: Annotated[
        Path | None,
        typer.Option(
            "--password-file",
            envvar="RINGWAY_PASSWORD_FILE",
            metavar="FILE",
            help="The password: the first line of FILE. RINGWAY_PASSWORD may hold it instead.",
        ),
    ] = None
    ask_password: Annotated[bool, typer.Option("--ask-password", help="Ask for the password.")] = (
        False
    )
    local: Annotated[
        str | None,
        typer.Option("--local", metavar="ADDRESS", help="The address of this machine to use."),
    ] = None
    port: Annotated[
        int,
        typer.Option(
            "--port", metavar="PORT", min=0, max=65535, help="The port to use; 0 for any."
        ),
    ] = 0
    ca: Annotated[
        Path | None,
        typer.Option("--ca", metavar="FILE", help="PEM file with the authorities to trust."),
    ] = None
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Take any certificate; for a closed laboratory.")
    ] = False
    dns: Annotated[
        list[str] | None,
        typer.Option(
            "--dns", metavar="ADDRESS", help="A name server to ask, 192.0.2.53:5353; repeat it."
        ),
    ] = None
    agent_state: Annotated[
        Path | None,
        typer.Option("--agent-state", metavar="DIR", help="Where the instance-id is kept."),
    ] = None
    json: Annotated[bool, typer.Option("--json", help="Tell events as JSON, one a line.")] = False
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Tell each decision, with its reason.")
    ] = False

    def arguments(self) -> dict[str, Any]:
        """Return what `ringway.UserAgent` is to be told, but for the address-of-record.

        Raises:
            ConfigError: something cannot be.
        """
        return {
            "outbound": [each for text in self.outbound or () for each in text.split()],
            "registrar": self.registrar,
            "username": self.username,
            "password": self._password(),
            "local": self.local or "",
            "port": self.port,
            "tls": self._tls(),
            "nameservers": [_name_server(text) for text in self.dns or ()],
            "state_dir": self.agent_state,
        }

    def _password(self) -> str | None:
        if self.ask_password:
            if not sys.stdin.isatty():
                return sys.stdin.readline().rstrip("\r\n")
            return getpass.getpass(f"Password of {self.aor}: ")
        if self.password_file is None:
            return os.environ.get("RINGWAY_PASSWORD")
        option, file = "--password-file", str(self.password_file)
        try:
            lines = self.password_file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no text"
            allowed = f"a file that can be read ({reason.lower()})"
            raise ConfigError("command line", option, file, allowed) from None
        if not lines or not lines[0]:
            raise ConfigError("command line", option, file, "a file with a password")
        return lines[0]

    def _tls(self) -> ssl.SSLContext:
        from ringway.aio.tls import client_context  # noqa: PLC0415 - slow to import

        try:
            return client_context(self.ca, verify=not self.insecure)
        except OSError as error:  # ssl.SSLError is one
            reason = (error.strerror or str(error)).lower()
            allowed = f"a PEM file with certificates ({reason})"
            raise ConfigError("command line", "--ca", str(self.ca), allowed) from None


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `Told`, which it gets as its first argument."""
    hints = get_type_hints(Told, include_extras=True)
    keyword = inspect.Parameter.KEYWORD_ONLY
    shared = [
        inspect.Parameter(each.name, keyword, default=each.default, annotation=hints[each.name])
        for each in dataclasses.fields(Told)
    ]
    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]

    @functools.wraps(command)
    def run(**given: Any) -> None:
        told = Told(**{each.name: given.pop(each.name) for each in shared})
        command(told, **given)

    parameters = [each.replace(kind=keyword) for each in own] + shared
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # read by Typer
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


def _name_server(text: str) -> Address:
    host, _, port = text.rpartition(":") if text.count(":") == 1 else (text, "", "53")
    if not is_numeric(host) or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ConfigError("command line", "--dns", text, "an address, as 192.0.2.53")
    return Address(host, int(port))
