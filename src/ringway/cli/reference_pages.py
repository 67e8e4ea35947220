"""The views of the reference as text for a terminal: coloured there, plain in a pipe."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.text import Text

from ringway.cli.wrap import wrapped
from ringway.codes import Fix, Language
from ringway.reference.labels import labels
from ringway.reference.markup import Kind, section_url, spans
from ringway.reference.views import Answer, Brief, CodePage, Comparison, Guide, Question, Side

_STYLES = {
    Kind.TEXT: "",
    Kind.SIP: "cyan",
    Kind.CODE: "bold",
    Kind.EFFECT: "italic green",
    Kind.STRONG: "bold",
    Kind.EMPHASIS: "italic",
    Kind.RFC: "dim",
}
_CLASSES = {1: "blue", 2: "green", 3: "magenta", 4: "yellow", 5: "red", 6: "red"}
_WIDEST = 100


class Pages:
    """Prints views of the reference on standard output.

    Args:
        language: the language of the views.
    """

    def __init__(self, language: Language) -> None:
        self._words = labels(language)
        self._console = Console(highlight=False)
        self._width = min(self._console.width, _WIDEST)

    def list(self, found: Iterable[Brief]) -> None:
        """Print codes, one a line."""
        for each in found:
            style = f"bold {_CLASSES[each.status // 100]}"
            self._print(Text(str(each.status), style=style) + Text(f" {_name(each)}"))
            self._print(each.brief, first="    ", style="dim")

    def code(self, page: CodePage) -> None:
        """Print everything about one code."""
        words = self._words
        style = f"bold {_CLASSES[page.status // 100]}"
        self._print(Text(f"{page.status} {_name(page)}", style=style))
        self._print(words["class"].format(page.status_class, page.class_name), style="dim")
        self._head("description")
        self._paragraphs((page.brief, *page.means))
        self._head("seen_when")
        self._bullets(page.seen_when)
        self._fix(page.fix)
        self._head("ringway_does")
        self._deeds(page)
        self._head("outlook")
        for name in ("goes_on", "caller_sees", "chance"):
            self._field(words[name], getattr(page.outlook, name))
        self._head("mistakes")
        self._bullets(page.mistakes)
        self._head("example")
        for place, line in enumerate(page.example):
            marked = place == page.decides
            self._print(Text(("▶ " if marked else "  ") + line, style="bold" if marked else "dim"))
        self._print(self._marked(page.example_note))
        self._facts(page)

    def comparison(self, found: Comparison) -> None:
        """Print two codes side by side."""
        words, sides = self._words, (found.first, found.second)
        names = [f"{side.status} {_name(side)}" for side in sides]
        self._print(Text(words["versus"].format(*names), style="bold"))
        self._head("summary")
        self._paragraphs((found.summary,))
        for side in sides:
            self._side(side)
        self._head("key_differences")
        self._bullets(found.key_differences)
        for each in found.differences:
            self._print(Text(each.axis, style="underline"))
            for side, said in zip(sides, (each.first, each.second), strict=True):
                style = f"bold {_CLASSES[side.status // 100]}"
                self._print(self._marked(said), Text(f"  {side.status} ", style=style))
        self._head("when_to_use_which")
        self._bullets(found.choose)

    def guides(self, found: Sequence[Guide]) -> None:
        """Print guides as trees."""
        for guide in found:
            self._print(Text(f"{guide.title}  ({guide.id})", style="bold"))
            self._print(self._marked(guide.intro))
            questions = {each.id: each for each in guide.questions}
            self._question(guide.questions[0], questions, 0)
            self._console.print()

    def _question(self, shown: Question, others: dict[str, Question], depth: int) -> None:
        self._print(self._marked(shown.ask), Text("? ", style="bold blue"), indent=depth * 4)
        self._print(self._marked(shown.how), indent=depth * 4 + 2, style="dim")
        for each in shown.answers:
            self._answer(each, others, depth)

    def _answer(self, shown: Answer, others: dict[str, Question], depth: int) -> None:
        said = self._marked(shown.say)
        if shown.codes:
            said.append("  " + " ".join(map(str, shown.codes)), style="bold")
        self._print(said, Text("→ ", style="green"), indent=depth * 4 + 2)
        if shown.fix:
            self._print(self._marked(shown.fix), indent=depth * 4 + 4)
        if shown.go:
            self._question(others[shown.go], others, depth + 1)

    def _side(self, side: Side) -> None:
        self._console.print()
        name = Text(f"{side.status} {_name(side)}", style=f"bold {_CLASSES[side.status // 100]}")
        self._print(name)
        self._head("description")
        self._paragraphs(side.means)
        self._head("seen_when")
        self._bullets(side.seen_when)
        self._fix(side.fix)

    def _fix(self, fix: Fix) -> None:
        self._head("how_to_fix")
        for who in ("caller", "callee", "operator"):
            steps = getattr(fix, who)
            if steps:
                self._print(Text(self._words[who], style="underline"))
                self._bullets(steps)

    def _deeds(self, page: CodePage) -> None:
        for deed in page.deeds:
            when = self._words["bracket"].format(deed.when) if deed.when else ""
            self._field(deed.role + when, deed.does)
            self._print(self._marked(deed.why), indent=4, style="dim")
        if page.leaves_as:
            self._head("leaves_as")
        for each in page.leaves_as:
            self._field(each.when, str(each.status or self._words["nothing_sent"]))
            self._print(self._marked(each.why), indent=4, style="dim")

    def _facts(self, page: CodePage) -> None:
        words = self._words
        self._head("facts")
        methods = words["any_method"] if page.methods == ("*",) else ", ".join(page.methods)
        sections = Text(", ").join(
            Text(each.name, style=f"link {section_url(each.name)}") for each in page.sections
        )
        http = f"{page.http.status} {page.http.phrase}" if page.http else words["none"]
        cause = f"{page.q850.number} {page.q850.text}" if page.q850 else words["none"]
        causes = "; ".join(f"{each.number} {each.text}" for each in page.from_q850)
        for name, value in (
            ("methods", methods),
            ("sent_by", ", ".join(page.sent_by)),
            ("must_carry", ", ".join(page.must_carry)),
            ("must_carry_one_of", ", ".join(page.must_carry_one_of)),
            ("should_carry", ", ".join(page.should_carry)),
            ("may_carry", ", ".join(page.may_carry)),
            ("cacheable", page.cacheable),
            ("http", http),
            ("q850", cause),
            ("from_q850", causes),
            ("sections", sections),
        ):
            if value:
                self._field(words[name], value)
        self._field(
            words["related"], ", ".join(f"{each.status} {_name(each)}" for each in page.related)
        )

    def _head(self, name: str) -> None:
        self._console.print()
        self._print(Text(self._words[name], style="bold"))

    def _paragraphs(self, texts: Iterable[str]) -> None:
        for place, each in enumerate(texts):
            if place:
                self._console.print()
            self._print(self._marked(each))

    def _bullets(self, texts: Iterable[str]) -> None:
        for each in texts:
            self._print(self._marked(each), "• ")

    def _field(self, name: str, value: str | Text) -> None:
        shown = self._marked(value) if isinstance(value, str) else value
        asks = name.endswith(("?", "？"))
        head = f"{name} " if asks else self._words["field"].format(name)
        self._print(Text(head, style="dim") + shown, indent=2)

    def _print(
        self, said: str | Text, first: str | Text = "", indent: int = 0, style: str = ""
    ) -> None:
        """Print a paragraph.

        Args:
            said: what to print.
            first: what its first line begins with; the others are moved in as far.
            indent: spaces before each line.
            style: what is added to its own styles.
        """
        head = Text(" " * indent) + (Text(first) if isinstance(first, str) else first)
        body = Text(said) if isinstance(said, str) else said
        for line in wrapped(body, self._width - head.cell_len):
            self._console.print(head + Text(style=style).append_text(line), soft_wrap=True)
            head = Text(" " * head.cell_len)

    def _marked(self, text: str) -> Text:
        """A text with its marks as colours."""
        said = Text()
        for kind, piece in spans(text):
            if kind is Kind.RFC:
                said.append(piece, style=f"dim link {section_url(piece)}")
            elif kind is Kind.EFFECT:
                said.append(self._words[f"effect_{piece}"], style=_STYLES[kind])
            else:
                said.append(piece, style=_STYLES[kind])
        return said


def _name(of: Brief | CodePage | Side) -> str:
    """The phrase, with the usual term of the language before it."""
    return of.phrase if of.term == of.phrase else f"{of.term} {of.phrase}"
