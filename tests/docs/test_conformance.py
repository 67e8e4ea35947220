import ast
from pathlib import Path

import pytest
from tools import conformance
from tools.conformance import Clause, Mark, Status


def clause(ident: str, status: str = "test", reason: str = "") -> Clause:
    return Clause(ident, "MUST", "proxy", "Some rule.", status, reason)


def marks_of(source: str) -> list[Mark]:
    return list(conformance._marks_of_file(ast.parse(source), "tests/t.py"))


class TestPage:
    def test_is_up_to_date(self) -> None:
        text = conformance.render(conformance.current())
        page = (conformance.ROOT / conformance.PAGE).read_text(encoding="utf-8")
        assert page == text, "docs/conformance.md is stale: run make conformance"

    def test_catalogue_and_marks_fit_together(self) -> None:
        assert conformance.current().problems == ()

    def test_no_clause_is_missing(self) -> None:
        entries = conformance.current().entries
        assert [e.clause.id for e in entries if e.status is Status.MISSING] == []

    def test_paraphrases_are_single_lines_of_our_own(self) -> None:
        for row in conformance.load_catalogue(conformance.ROOT / conformance.CATALOGUE):
            assert "\n" not in row.paraphrase
            assert row.paraphrase.endswith("."), row.id
            assert len(row.paraphrase) < 200, row.id
            assert "MUST" not in row.paraphrase, row.id


class TestMarks:
    def test_function_class_and_module(self) -> None:
        source = """
import pytest
pytestmark = [pytest.mark.clause("RFC1-1-1"), pytest.mark.slow]

@pytest.mark.clause("RFC1-1-2")
class TestIt:
    @pytest.mark.clause("RFC1-1-3", "RFC1-1-4")
    async def test_a(self): ...
    def helper(self): ...

class Builder:
    @pytest.mark.clause("RFC1-1-9")
    def test_not_collected(self): ...

def test_b(): ...
"""
        assert marks_of(source) == [
            *(Mark(f"RFC1-1-{n}", "tests/t.py::TestIt::test_a", False) for n in (1, 2, 3, 4)),
            Mark("RFC1-1-1", "tests/t.py::test_b", False),
        ]

    def test_parameters(self) -> None:
        source = """
@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.clause("RFC1-1-1")), 2])
def test_a(x): ...
"""
        assert marks_of(source) == [Mark("RFC1-1-1", "tests/t.py::test_a", False)]

    @pytest.mark.parametrize(
        "decorator", ["@pytest.mark.xfail", "@pytest.mark.xfail(strict=True, reason='x')"]
    )
    def test_xfail(self, decorator: str) -> None:
        source = f"{decorator}\n@pytest.mark.clause('RFC1-1-1')\ndef test_a(): ..."
        assert marks_of(source) == [Mark("RFC1-1-1", "tests/t.py::test_a", True)]

    def test_one_failing_parameter_does_not_make_the_test_an_xfail(self) -> None:
        source = """
@pytest.mark.clause("RFC1-1-1")
@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.xfail), 2])
def test_a(x): ...
"""
        assert marks_of(source) == [Mark("RFC1-1-1", "tests/t.py::test_a", False)]

    def test_an_argument_that_is_no_literal_shows_as_written(self) -> None:
        source = "@pytest.mark.clause(name)\ndef test_a(): ..."
        assert [mark.ref for mark in marks_of(source)] == ["name"]


class TestReport:
    @pytest.mark.parametrize(
        ("row", "marks", "status"),
        [
            (clause("RFC1-1-1"), (), Status.MISSING),
            (clause("RFC1-1-1"), (Mark("RFC1-1-1", "t", False),), Status.DONE),
            (clause("RFC1-1-1"), (Mark("RFC1-1-1", "t", True),), Status.XFAIL),
            (
                clause("RFC1-1-1"),
                (Mark("RFC1-1-1", "t", True), Mark("RFC1-1-1", "u", False)),
                Status.DONE,
            ),
            (clause("RFC1-1-1", "n/a", "why"), (), Status.NOT_APPLICABLE),
            (clause("RFC1-1-1", "xfail", "why"), (), Status.MISSING),
            (clause("RFC1-1-1", "xfail", "why"), (Mark("RFC1-1-1", "t", True),), Status.XFAIL),
        ],
    )
    def test_status(self, row: Clause, marks: tuple[Mark, ...], status: Status) -> None:
        report = conformance.build_report((row,), marks)
        assert [entry.status for entry in report.entries] == [status]
        assert report.count(status) == 1
        assert report.problems == ()

    @pytest.mark.parametrize("ref", ["RFC1-1-2", "RFC1-2-1", "name", "RFC1"])
    def test_unknown_ids_are_problems(self, ref: str) -> None:
        report = conformance.build_report((clause("RFC1-1-1"),), (Mark(ref, "t", False),))
        assert len(report.problems) == 1
        assert ref in report.problems[0]

    def test_marks_of_a_whole_section(self) -> None:
        inside, outside = Mark("RFC1 1", "t", False), Mark("RFC3581 §4", "t", False)
        report = conformance.build_report((clause("RFC1-1-1"),), (inside, outside))
        assert report.unrefined == (inside,)
        assert report.problems == ()
        assert report.count(Status.MISSING) == 1

    @pytest.mark.parametrize("status", ["n/a", "xfail"])
    def test_a_test_for_what_the_catalogue_gave_up_is_a_problem(self, status: str) -> None:
        row = clause("RFC1-1-1", status, "why")
        report = conformance.build_report((row,), (Mark("RFC1-1-1", "t", False),))
        assert len(report.problems) == 1

    @pytest.mark.parametrize(
        "rows",
        [
            (clause("RFC1-1-2"),),
            (clause("RFC1-1-1"), clause("RFC1-1-1")),
            (clause("RFC 1-1-1"),),
            (clause("RFC1-1-1", "done"),),
            (clause("RFC1-1-1", "n/a"),),
            (clause("RFC1-1-1", "test", "why"),),
        ],
    )
    def test_a_broken_catalogue_is_a_problem(self, rows: tuple[Clause, ...]) -> None:
        assert len(conformance.build_report(rows, ()).problems) == 1


class TestRender:
    def test_rows_and_counts(self) -> None:
        rows = (clause("RFC3261-8.2.1-1"), clause("RFC3261-10.3-1", "n/a", "a | b"))
        page = conformance.render(
            conformance.build_report(rows, (Mark("RFC3261-8.2.1-1", "tests/x.py::test", True),))
        )
        assert "| RFC 3261 §8.2 | 1 | 0 | 0 | 1 | 0 |" in page
        assert "| RFC 3261 §10 | 1 | 0 | 1 | 0 | 0 |" in page
        assert "| strict xfail | `x.py::test (xfail)` |" in page
        assert "| not applicable: a \\| b |  |" in page


class TestCommand:
    @pytest.fixture
    def project(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        (tmp_path / "tests/rfc").mkdir(parents=True)
        (tmp_path / "docs").mkdir()
        (tmp_path / conformance.CATALOGUE).write_text(
            "id,level,who,paraphrase,status,reason\nRFC1-1-1,MUST,proxy,A rule.,test,\n"
        )
        monkeypatch.setattr(conformance, "ROOT", tmp_path)
        monkeypatch.setattr(conformance.current, "__defaults__", (tmp_path,))
        return tmp_path

    def test_writes_then_checks(self, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert conformance.main(["--check"]) == 1
        assert "stale" in capsys.readouterr().err
        assert conformance.main(["--missing"]) == 0
        assert "A rule." in capsys.readouterr().out
        assert conformance.main(["--check"]) == 0
        (project / "tests/test_x.py").write_text(
            "@pytest.mark.clause('RFC1-1-1')\ndef test_a(): ...\n"
        )
        assert conformance.main(["--check"]) == 1
        assert conformance.main([]) == 0
        assert "1 done" in capsys.readouterr().out
