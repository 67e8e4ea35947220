"""A capture as one page: stories, findings, and ladders whose arrows open messages.

The page is complete. Style and script stand in it, a policy names them by their digests and forbids
all else, so that whatever a peer wrote into a message can neither run nor ask anybody for anything.
Conversations are written as they come and joined with the head at the end: the head counts them.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from shutil import copyfileobj
from tempfile import SpooledTemporaryFile
from typing import Final, NamedTuple, Self, TextIO, cast

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from ringway.codes import TABLE, Language
from ringway.explain.observed.labels import labels
from ringway.explain.observed.ladder import Ladder, Rung
from ringway.explain.observed.model import Kind
from ringway.explain.observed.summary import Summary
from ringway.explain.observed.view import Fault, Talk, Viewer, clock, numbers
from ringway.reference.markup import Kind as Mark
from ringway.reference.markup import section_url, spans
from ringway.reference.page import brief, code_page
from ringway.web.assets import written

__all__ = ["ObservedPage"]

_HELD: Final = 1 << 24
_MOST: Final = 500
"""Conversations that are shown; twice as many if something was found in them."""
_MOST_OCTETS: Final = 1 << 26
_MOST_RUNGS: Final = 300
_LONGEST: Final = 8000
_HEAD: Final = 24

# The picture, in pixels.
_LEFT: Final = 150
_RIGHT: Final = 130
_WIDTH: Final = 1040  # of a picture, as long as its columns are not too close
_WIDEST: Final = 210  # between two columns
_CLOSEST: Final = 150
_LETTER: Final = 7.2  # of a label, more or less
_TOP: Final = 60
_STEP: Final = 34


class _Arrow(NamedTuple):
    """An arrow of the picture, and the message that it opens.

    Attributes:
        id: of the message on the page.
        label: what it says.
        rung: where it is from and to.
        source: the name of the column it leaves.
        target: the name of the column it reaches.
        after: seconds since the conversation began.
        y: its height in the picture.
        x1: where it begins.
        x2: where it ends; the same for a message to oneself.
        faults: numbers of the findings that it shows.
        worst: how bad the worst of these is; empty without any.
        lines: the message.
        missing: characters of it that are not in the lines.
    """

    id: str
    label: str
    rung: Rung
    source: str
    target: str
    after: float
    y: int
    x1: int
    x2: int
    faults: tuple[int, ...]
    worst: str
    lines: tuple[str, ...]
    missing: int


class _Column(NamedTuple):
    x: int
    name: str
    address: str


class ObservedPage:
    """Writes a page; use it as a context manager.

    Args:
        viewer: what lets text through.
        out: where the page goes.
    """

    def __init__(self, viewer: Viewer, out: TextIO) -> None:
        self._viewer = viewer
        self._out = out
        talks = SpooledTemporaryFile(_HELD, "w+", encoding="utf-8")  # noqa: SIM115 - for `end`
        self._talks = cast("TextIO", talks)
        self._shown = 0
        self._written = 0
        self._left_out = 0
        self._left_out_findings = False
        self._codes: set[int] = set()
        self._places: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._talks.close()

    def talk(self, talk: Talk) -> None:
        """Take in a conversation."""
        most = 2 * _MOST if talk.faults else _MOST
        if self._shown >= most or self._written >= _MOST_OCTETS:
            self._left_out += 1
            self._left_out_findings = self._left_out_findings or bool(talk.faults)
            return
        self._shown += 1
        number = self._shown
        ladder = talk.ladder()
        gap = _gap(len(ladder.places))
        columns, arrows = self._picture(talk, ladder, number, gap)
        for fault in talk.faults:
            self._places.setdefault(fault.name, f"t-{number}")
        self._codes.update(talk.codes)
        self._written += self._talks.write(
            self._template("observed_talk.html").render(
                **self._values(),
                talk=talk,
                number=number,
                columns=columns,
                arrows=arrows,
                proofs=[
                    [each for each in arrows if place in each.faults]
                    for place in range(len(talk.faults))
                ],
                more=max(0, len(ladder.rungs) - _MOST_RUNGS),
                width=_LEFT + gap * (len(columns) - 1) + _RIGHT,
                height=_TOP + _STEP * len(arrows) + 20,
                top=_TOP,
            )
        )

    def end(self, name: str, summary: Summary) -> None:
        """Write the page.

        Args:
            name: what was explained.
            summary: what was counted.
        """
        style = written("style.css") + written("observed.css")
        script = written("observed.js")
        groups = list(summary.groups())
        self._codes.update({first.status for first, _ in groups if first.status} & TABLE.keys())
        values = {
            **self._values(),
            "name": self._viewer.say(name),
            "summary": summary,
            "kinds": [(kind.value, summary.kinds[kind]) for kind in Kind if summary.kinds[kind]],
            "found": sum(summary.faults.values()),
            "groups": groups,
            "places": self._places,
            "troubles": [
                (numbers(each.frames), self._viewer.say(each.text)) for each in summary.troubles
            ],
            "shown": self._shown,
            "left_out": self._left_out,
            "left_out_findings": self._left_out_findings,
            "style": Markup(style),  # noqa: S704 - ours
            "script": Markup(script),  # noqa: S704 - ours
            "style_digest": _digest(style),
            "script_digest": _digest(script),
            "pages": [code_page(code, self._viewer.language) for code in sorted(self._codes)],
        }
        self._out.write(self._template("observed_head.html").render(values))
        self._talks.seek(0)
        copyfileobj(self._talks, self._out)
        self._out.write(self._template("observed_tail.html").render(values))

    def _picture(
        self, talk: Talk, ladder: Ladder, number: int, gap: int
    ) -> tuple[list[_Column], list[_Arrow]]:
        say = self._viewer.say
        columns = []
        for at, place in enumerate(ladder.places):
            known = talk.column(place)
            columns.append(
                _Column(
                    _LEFT + at * gap,
                    _short(known or say(place), _HEAD),
                    _short(say(place), _HEAD) if known else "",
                )
            )
        arrows = []
        for at, rung in enumerate(ladder.rungs[:_MOST_RUNGS]):
            frames = {frame for copy in rung.sight.copies for frame in copy.frames}
            faults = tuple(
                place for place, fault in enumerate(talk.faults) if frames & {*fault.frames}
            )
            lines, missing = self._viewer.message(rung.sight, _LONGEST)
            arrows.append(
                _Arrow(
                    f"m-{number}-{at}",
                    _short(say(rung.label), _letters(rung, gap)),
                    rung,
                    columns[rung.source].name,
                    columns[rung.target].name,
                    rung.sight.at - talk.at,
                    _TOP + _STEP * (at + 1),
                    columns[rung.source].x,
                    columns[rung.target].x,
                    faults,
                    _worst([talk.faults[place] for place in faults]),
                    lines,
                    missing,
                )
            )
        return columns, arrows

    def _template(self, name: str) -> Template:
        return _environment().get_template(name)

    def _values(self) -> dict[str, object]:
        language = self._viewer.language
        return {"w": labels(language), "language": language}


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("ringway.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(said=_said, clock=clock, numbers=numbers)
    environment.globals.update(brief=_brief, registered=TABLE)
    return environment


def _said(text: str) -> Markup:
    """Return a text of ours with its marks as HTML."""
    return Markup().join(_piece(kind, piece) for kind, piece in spans(text))


def _piece(kind: Mark, text: str) -> Markup:
    match kind:
        case Mark.SIP:
            return Markup("<code>{}</code>").format(text)
        case Mark.STRONG | Mark.CODE | Mark.EFFECT:
            return Markup("<strong>{}</strong>").format(text)
        case Mark.EMPHASIS:
            return Markup("<em>{}</em>").format(text)
        case Mark.RFC:
            return Markup('<a class="rfc" rel="noreferrer" href="{}">{}</a>').format(
                section_url(text), text
            )
        case _:
            return Markup.escape(text)


def _brief(status: int, language: Language) -> str:
    return brief(status, language).brief


def _gap(columns: int) -> int:
    """Return how far apart the columns of a picture are, so that it fits the page if it can."""
    fits = (_WIDTH - _LEFT - _RIGHT) // max(columns - 1, 1)
    return min(max(fits, _CLOSEST), _WIDEST)


def _letters(rung: Rung, gap: int) -> int:
    """Return how long the label of an arrow may be."""
    between = abs(rung.source - rung.target) or 1
    return max(int((between * gap - 28) / _LETTER), 12)


def _worst(faults: Sequence[Fault]) -> str:
    found = {fault.severity for fault in faults}
    return next((str(each) for each in ("wrong", "suspicious", "note") if each in found), "")


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _digest(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode()
