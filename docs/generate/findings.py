"""What the explainer finds: reference/findings.md, from its data files and its tests.

A test names the finding it shows with `shows`, and with `nearly` one that it does not show, though
all but the deciding fact is there. The example is what the scene makes the explainer say.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple
from unittest.mock import patch

from docs.generate.pages import DOCS, ROOT, table
from tests.unit.explain.observed.findings import looking
from tests.unit.explain.observed.support import Scene

from ringway.codes import Language
from ringway.explain.observed.finding import Finding, Severity
from ringway.explain.observed.findings.texts import rules, sentences, told

PAGE: Final = DOCS / "reference" / "findings.md"
TESTS: Final = ROOT / "tests" / "unit" / "explain" / "observed" / "findings"


class Case(NamedTuple):
    """A test that names a finding.

    Attributes:
        file: the file it stands in.
        group: its class; empty if it stands in none.
        name: its function.
        says: shows or nearly.
        finding: the name of the finding.
    """

    file: Path
    group: str
    name: str
    says: str
    finding: str

    def __str__(self) -> str:
        place = f"{self.group}::{self.name}" if self.group else self.name
        return f"{self.file.stem}::{place}"


def parts() -> dict[str, str]:
    """Return the generated parts of the page, by marker."""
    cases = list(_cases())
    return {
        **{f"{severity}": _table(severity, cases) for severity in Severity},
        "examples": "\n\n".join(_example(name, cases) for name in rules()),
    }


def _table(severity: Severity, cases: list[Case]) -> str:
    english = sentences(Language.EN)
    rows = []
    for name, rule in rules().items():
        if rule.severity is severity:
            rows.append(
                (
                    f"[`{name}`](#{name})",
                    rule.clause,
                    english[name].proof,
                    *_tests(cases, name),
                )
            )
    return table(("finding", "clause", "what proves it", "shown by", "not shown by"), rows)


def _tests(cases: list[Case], name: str) -> tuple[str, str]:
    """Return the test that shows a finding, and the one that nearly does."""
    return f"`{_shown(cases, name)[0]}`", f"`{_which(cases, name, 'nearly')[0]}`"


def _shown(cases: list[Case], name: str) -> list[Case]:
    """Return the tests that show a finding, that beside its near miss first."""
    groups = {(each.file, each.group) for each in _which(cases, name, "nearly")}
    found = _which(cases, name, "shows")
    return sorted(found, key=lambda each: (each.file, each.group) not in groups)


def _which(cases: list[Case], name: str, says: str) -> list[Case]:
    return [each for each in cases if each.finding == name and each.says == says]


def _example(name: str, cases: list[Case]) -> str:
    """Return a finding as the explainer tells it."""
    finding = next(found for case in _shown(cases, name) if (found := _played(case)))
    text = told(finding, Language.EN)
    said = f"**{text.title}.** {text.what}\n\n{text.why}\n\n*What to do:* {text.todo}"
    return f"({name})=\n### {name}\n\n{said}"


def _cases() -> Iterator[Case]:
    for file in sorted(TESTS.glob("test_*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                for each in node.body:
                    yield from _named(file, node.name, each)
            else:
                yield from _named(file, "", node)


def _named(file: Path, group: str, node: ast.stmt) -> Iterator[Case]:
    if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
        return
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and len(call.args) == 2:
            name = call.args[1]
            says = ast.unparse(call.func)
            if says in {"shows", "nearly"} and isinstance(name, ast.Constant):
                yield Case(file, group, node.name, says, str(name.value))


def _played(case: Case) -> Finding | None:
    """Run a test, with the first of its parameters, and return what it showed."""
    module = importlib.import_module(f"{looking.__package__}.{case.file.stem}")
    group = getattr(module, case.group)() if case.group else module
    test: Callable[..., None] = getattr(group, case.name)
    shown: list[Finding] = []

    def shows(scene: Scene, name: str) -> Finding:
        finding = looking.shows(scene, name)
        if name == case.finding:
            shown.append(finding)
        return finding

    with patch.object(module, "shows", shows):
        test(**_parameters(test))
    return shown[0] if shown else None


def _parameters(test: Callable[..., None]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for mark in inspect.getattr_static(test, "pytestmark", getattr(test, "pytestmark", [])):
        names, values = mark.args[:2]
        found[names] = values[0]
    return found
