"""reference/command-line.md: every command with its help and options, from the program itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import typer
from docs.generate.pages import DOCS, table

from ringway.cli.app import app

PAGE: Final = DOCS / "reference" / "command-line.md"


def parts() -> dict[str, str]:
    """Return the generated parts of the page, by marker."""
    return {"commands": "\n\n".join(_section(words, each) for words, each in commands())}


def commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the words that call each command, and the command; groups are passed over."""
    # Typer has brought its own copy of click since 0.20, so its classes are not named here.
    waiting: list[tuple[tuple[str, ...], Any]] = [((), typer.main.get_command(app))]
    while waiting:
        words, command = waiting.pop(0)
        inner = getattr(command, "commands", None)
        if inner is None:
            yield words, command
        else:
            waiting[:0] = [((*words, name), each) for name, each in inner.items()]


def _section(words: tuple[str, ...], command: Any) -> str:
    name = " ".join(("ringway", *words))
    options = [each for each in command.params if each.param_type_name == "option"]
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    usage = [name, *(_argument(each) for each in arguments), *(["[OPTIONS]"] if options else [])]
    blocks = [f"## {name}", f"    {' '.join(usage)}", _plain(command.help or "")]
    rows = [(f"`{_argument(each)}`", _plain(getattr(each, "help", "") or "")) for each in arguments]
    rows += [(_option(each), _help(each)) for each in options if not each.hidden]
    if rows:
        blocks.append(table(("", "what it says"), rows))
    return "\n\n".join(blocks)


def _argument(param: Any) -> str:
    name = str(param.metavar or param.name.upper()).strip("[]")
    return name if param.required else f"[{name}]"


def _option(param: Any) -> str:
    value = "" if param.is_flag else " " + str(param.metavar or param.name.upper())
    names = [*param.opts, *param.secondary_opts]
    return ", ".join(f"`{each}{value}`" for each in names)


def _help(param: Any) -> str:
    words = _plain(param.help or "")
    variables = [param.envvar] if isinstance(param.envvar, str) else list(param.envvar or ())
    if variables:
        words += " Or " + ", ".join(f"`{each}`" for each in variables) + "."
    if param.default not in {None, False, ""} and not callable(param.default):
        words += f" Default: `{getattr(param.default, 'value', param.default)}`."
    return words


def _plain(text: str) -> str:
    """Take the marks of colour out of help, and the line breaks out of its paragraphs."""
    text = re.sub(r"\[/?(?:bold|dim|italic|cyan|green|yellow|red|magenta|blue)[^\]]*\]", "", text)
    text = text.partition("\f")[0].replace("\b\n", "")
    return "\n\n".join(" ".join(each.split()) for each in re.split(r"\n\s*\n", text.strip()))
