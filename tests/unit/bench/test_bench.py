import json
from pathlib import Path

import pytest
from bench import phone, report
from bench.load import Run
from bench.plan import Plan, Results, _turned
from bench.servers import Candidate, Setting, Task, _ringway

from ringway.server.config.load import load_config


def run(us: float, *, failed: int = 0) -> Run:
    return Run(us, 1000.0, 100, failed, 0, 0, 0.1, 0.1, 20.0)


def candidate(key: str) -> Candidate:
    return Candidate(key, key.title(), lambda _: [], "1.0")


class TestPhone:
    INVITE = (
        b"INVITE sip:a@h SIP/2.0\r\nVia: SIP/2.0/UDP a,SIP/2.0/UDP b\r\nRecord-Route: <sip:r>\r\n"
        b"From: <sip:c>;tag=1\r\nTo: <sip:a>\r\nCall-ID: x\r\nCSeq: 1 INVITE"
    )

    def test_reads_a_request(self) -> None:
        message = phone.parse(self.INVITE)
        assert (message.method, message.status) == ("INVITE", 0)
        assert message.all("via") == ["SIP/2.0/UDP a", "SIP/2.0/UDP b"]
        assert message.first("subject") == ""

    def test_answers_it(self) -> None:
        response = phone.answer(phone.parse(self.INVITE), "200 OK", "Contact: <sip:a>", tag="t")
        message = phone.parse(response.partition(b"\r\n\r\n")[0])
        assert message.status == 200
        assert message.first("to") == "<sip:a>;tag=t"
        assert message.first("record-route") == "<sip:r>"
        assert message.first("contact") == "<sip:a>"

    def test_keeps_a_tag_that_is_there(self) -> None:
        request = phone.parse(b"BYE sip:a SIP/2.0\r\nTo: <sip:a>;tag=t")
        assert phone.parse(phone.answer(request, "200 OK", tag="u")).first("to") == "<sip:a>;tag=t"


class TestReport:
    def test_medians_and_ratio(self) -> None:
        results = {"kamailio": Results(), "memory": Results()}
        results["kamailio"].call += [run(100.0), run(90.0), run(500.0)]
        results["memory"].call += [run(150.0)]
        results["memory"].failover.closed.arrival += [1.0, 2.0, 30.0]
        table = report.markdown(Plan(), [candidate("kamailio"), candidate("memory")], results)
        rows = table.splitlines()
        assert rows[2].startswith("| Kamailio | 100 µs | 1.00 | - |")
        assert rows[3].startswith("| Memory | 150 µs | 1.50 | - |")
        assert "| 2.0 ms | 30.0 ms | - |" in rows[3]
        assert "Not clean" not in table

    @pytest.mark.parametrize("what", ["failed", "error", "lost"])
    def test_says_what_cannot_be_trusted(self, what: str) -> None:
        results = {"memory": Results()}
        results["memory"].call.append(run(1.0, failed=int(what == "failed")))
        if what == "error":
            results["memory"].errors.append("call: no answer")
        if what == "lost":
            results["memory"].failover.closed.lost.append("arrived nowhere")
        assert "Not clean: Memory." in report.markdown(Plan(), [candidate("memory")], results)

    def test_saves_every_run(self, tmp_path: Path) -> None:
        results = {"memory": Results(call=[run(1.5)])}
        path = tmp_path / "new" / "full.json"
        report.save(path, Plan(), [candidate("memory")], results)
        assert json.loads(path.read_text())["results"]["memory"]["call"][0]["us"] == 1.5


class TestOrder:
    def test_nobody_is_always_first(self) -> None:
        names = [
            [each.key for each in _turned([candidate("a"), candidate("b")], n)] for n in (0, 1)
        ]
        assert names == [["a", "b"], ["b", "a"]]


class TestServers:
    @pytest.mark.parametrize("store", ["memory", "sqlite"])
    def test_every_start_of_ringway(self, store: str, tmp_path: Path) -> None:
        words = _ringway(store)(Setting(Task.FAILOVER, 5060, tmp_path, 3))
        assert "tcp:127.0.0.1:5060" in words
        assert words[words.index("--store") + 1].startswith(store)

    def test_redirects_are_configured(self, tmp_path: Path) -> None:
        _ringway("memory")(Setting(Task.REDIRECT, 5060, tmp_path, 3))
        config = load_config(tmp_path / "ringway.toml", environ={}, options={"no_auth": True})
        assert [each.user for each in config.redirect] == ["u1", "u2", "u3"]
        assert config.log.level == "warning"
