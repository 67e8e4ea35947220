"""`ringway code`, `compare`, `codes` and `guide`, as typed."""

import json

import pytest
from rich.cells import cell_len
from rich.text import Text
from typer.testing import CliRunner

from ringway.cli.app import app
from ringway.cli.wrap import wrapped

RUNNER = CliRunner()


def run(*arguments: str) -> str:
    done = RUNNER.invoke(app, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


class TestCode:
    def test_it_says_what_it_means_and_who_does_what(self) -> None:
        shown = run("code", "430")
        assert shown.startswith("430 Flow Failed\n")
        for head in ("When you see it", "How to fix it", "What Ringway does", "Common mistakes"):
            assert f"\n{head}\n" in shown
        assert "▶ SIP/2.0 430 Flow Failed" in shown
        assert "{" not in shown

    def test_in_chinese(self) -> None:
        shown = run("code", "430", "--lang", "zh")
        assert shown.startswith("430 流失败 Flow Failed\n")
        assert "改走下一条流" in shown

    def test_as_json(self) -> None:
        found = json.loads(run("code", "430", "--json"))
        assert (found["status"], found["phrase"]) == (430, "Flow Failed")
        assert found["deeds"][0]["effects"] == ["invalidate binding", "next flow", "forward"]
        assert "`" not in json.dumps(found)

    @pytest.mark.parametrize("status", ["431", "99", "700"])
    def test_an_unregistered_one_is_a_fault_of_the_user(self, status: str) -> None:
        done = RUNNER.invoke(app, ["code", status])
        assert done.exit_code == 2
        assert f"{status} is not a SIP response code" in done.output


class TestCompare:
    def test_the_sections(self) -> None:
        shown = run("compare", "302", "430")
        heads = ["Summary", "Description", "When you see it", "How to fix it", "Key differences"]
        places = [shown.index(f"\n{head}\n") for head in heads]
        assert places == sorted(places)
        assert "\nWhen to use which\n" in shown

    def test_in_chinese(self) -> None:
        shown = run("compare", "302", "430", "--lang", "zh")
        for head in ("描述", "何时出现", "如何修复", "主要区别", "何时使用哪个"):
            assert f"\n{head}\n" in shown

    def test_as_json(self) -> None:
        found = json.loads(run("compare", "430", "302", "--json"))
        assert (found["first"]["status"], found["second"]["status"]) == (430, 302)

    def test_one_with_itself(self) -> None:
        done = RUNNER.invoke(app, ["compare", "302", "302"])
        assert done.exit_code == 2
        assert "the same code" in done.output


class TestCodes:
    def test_all(self) -> None:
        assert len(json.loads(run("codes", "--json"))) == 75

    def test_of_a_class_that_fit(self) -> None:
        shown = run("codes", "--class", "4", "--search", "flow")
        assert "430 Flow Failed" in shown
        assert all(line[0] in "4 " for line in shown.splitlines())

    def test_in_chinese(self) -> None:
        assert "430 流失败 Flow Failed" in run("codes", "--search", "连接断开", "--lang", "zh")

    def test_none(self) -> None:
        done = RUNNER.invoke(app, ["codes", "--search", "zzzqqq"])
        assert done.exit_code == 2
        assert "no response code fits" in done.output


class TestGuide:
    def test_all(self) -> None:
        assert "(works-then-stops)" in run("guide")

    def test_one(self) -> None:
        shown = run("guide", "registration-fails", "--lang", "zh")
        assert shown.startswith("注册失败")
        assert "works-then-stops" not in shown

    def test_an_unknown_one(self) -> None:
        done = RUNNER.invoke(app, ["guide", "nothing"])
        assert done.exit_code == 2
        assert "call-does-not-arrive" in done.output


class TestWrapped:
    @pytest.mark.parametrize(
        ("text", "width", "lines"),
        [
            ("one two three", 7, ["one two", "three"]),
            ("one", 1, ["one"]),
            ("", 10, [""]),
            ("流失败，再试。", 6, ["流失", "败，再", "试。"]),
            ("（流）失败", 6, ["（流）", "失败"]),
            ("改走 next flow 再试", 10, ["改走 next", "flow 再试"]),
            ("用NAT时", 5, ["用NAT", "时"]),
        ],
    )
    def test_lines(self, text: str, width: int, lines: list[str]) -> None:
        assert [each.plain for each in wrapped(Text(text), width)] == lines

    def test_nothing_is_lost_and_nothing_too_wide(self) -> None:
        text = "一" * 50 + " " + "word " * 20 + "二" * 30
        found = [each.plain for each in wrapped(Text(text), 20)]
        assert "".join(found).replace(" ", "") == text.replace(" ", "")
        assert all(cell_len(each) <= 20 for each in found)

    def test_styles_stay(self) -> None:
        said = Text("one ") + Text("two", style="bold")
        assert [span.style for span in list(wrapped(said, 3))[1].spans] == ["bold"]
