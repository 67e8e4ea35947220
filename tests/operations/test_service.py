"""What a service manager says and hears; the files in deploy/."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.interop.peers import missing, need
from tests.operations.service import ROOT, SERVE, Phone, running
from tests.ports import free_port

from ringway.server.config.sections import TimersConfig

UNIT = ROOT / "deploy" / "ringway.service"
CONTAINER = ROOT / "deploy" / "Containerfile"


# As sd_listen_fds(3) has it: from descriptor 3 on, for this process and no child of it.
ACTIVATE = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2")
os.execv(sys.argv[3], sys.argv[3:])
"""


class Manager:
    """Plays systemd: hears what the service says."""

    def __init__(self, folder: Path) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.address = str(folder / "notify")
        self.sock.bind(self.address)
        self.sock.settimeout(20)

    def heard(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self.sock.recv(4096).decode().splitlines())

    def quiet(self) -> None:
        """Wait until nothing more is said."""
        with pytest.raises(TimeoutError):
            self.hears("", "")

    def hears(self, key: str, value: str = "1") -> dict[str, str]:
        """Wait for something, and return all that was said with it."""
        while True:
            heard = self.heard()
            if heard.get(key) == value:
                return heard


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(tmp_path)
    yield made
    made.sock.close()


class TestNotify:
    def test_from_ready_to_stopping(self, tmp_path: Path, manager: Manager) -> None:
        text = f'listen = ["udp:127.0.0.1:{free_port()}"]'
        env = {"NOTIFY_SOCKET": manager.address}
        with running(tmp_path, text, env=env) as server:
            assert manager.hears("READY")["STATUS"] == "serving"
            server.process.send_signal(signal.SIGHUP)
            assert int(manager.hears("RELOADING")["MONOTONIC_USEC"]) > 0
            manager.hears("READY")
            server.process.send_signal(signal.SIGTERM)
            manager.hears("STOPPING")
            assert server.wait(5) == 0

    def test_a_server_that_cannot_start_is_never_ready(
        self, tmp_path: Path, manager: Manager
    ) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            text = f'listen = ["udp:127.0.0.1:{taken.getsockname()[1]}"]'
            env = {"NOTIFY_SOCKET": manager.address}
            with running(tmp_path, text, env=env, ready=False) as server:
                assert server.wait(10) == 2
        manager.sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            manager.heard()

    def test_signs_of_life_until_the_loop_is_stuck(self, tmp_path: Path, manager: Manager) -> None:
        text = f'listen = ["udp:127.0.0.1:{free_port()}"]'
        env = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "200000"}
        with running(tmp_path, text, env=env) as server:
            for _ in range(3):
                manager.hears("WATCHDOG")
            server.process.send_signal(signal.SIGSTOP)
            manager.sock.settimeout(1)
            manager.quiet()
            manager.sock.settimeout(20)
            server.process.send_signal(signal.SIGCONT)
            manager.hears("WATCHDOG")


class TestSocketActivation:
    def test_what_came_before_the_start_is_answered(self, tmp_path: Path) -> None:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
            socket.socket() as tcp,
        ):
            udp.bind(("127.0.0.1", 0))
            tcp.bind(("127.0.0.1", 0))
            tcp.listen()
            ports = udp.getsockname()[1], tcp.getsockname()[1]
            passed = [os.dup(each.fileno()) for each in (udp, tcp)]
            with Phone(ports[0]) as phone:
                phone.send(phone.request("OPTIONS", ""))
                file = tmp_path / "ringway.toml"
                file.write_text(
                    f'domains = ["example.com"]\nno_auth = true\nstore = "memory"\n'
                    f'listen = ["udp:127.0.0.1:{ports[0]}", "tcp:127.0.0.1:{ports[1]}"]\n'
                    f'state_dir = "state"\nweb.listen = "off"\n'
                )
                serve = [sys.executable, "-c", ACTIVATE, *map(str, passed)]
                serve += [*SERVE, "--config", str(file)]
                with subprocess.Popen(serve, pass_fds=passed) as process:
                    try:
                        assert b" 200 OK" in phone.read()
                        with socket.create_connection(("127.0.0.1", ports[1]), timeout=10) as peer:
                            peer.sendall(b"\r\n\r\n")
                            assert peer.recv(10) == b"\r\n"
                        process.send_signal(signal.SIGTERM)
                        assert process.wait(10) == 0
                    finally:
                        process.kill()
            # They are the manager's: what comes now waits for the next start.
            with socket.create_connection(("127.0.0.1", ports[1]), timeout=10):
                pass
            for number in passed:
                os.close(number)


class TestPrivileges:
    @pytest.fixture
    def folder(self) -> Iterator[Path]:
        """A folder that everybody gets to; pytest's own are root's."""
        with tempfile.TemporaryDirectory() as name:
            Path(name).chmod(0o755)
            yield Path(name)

    def test_nobody_in_particular_can_run_it(self, folder: Path) -> None:
        if os.geteuid() != 0:
            missing("only root can become nobody")
        python = Path(sys.executable).resolve()
        free = subprocess.run(
            [need("setpriv"), "--reuid=65534", python, "-c", ""], capture_output=True, check=False
        )
        if free.returncode != 0:
            missing("this Python is root's alone")
        state = folder / "state"
        state.mkdir()
        os.chown(state, 65534, 65534)
        prefix = (
            *("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"),
            *("--bounding-set=-all", "--inh-caps=-all"),
        )
        port = free_port()
        with running(folder, f'listen = ["udp:127.0.0.1:{port}"]', prefix=prefix) as server:
            status = Path(f"/proc/{server.pid}/status").read_text()
            assert re.search(r"^Uid:\s+65534\s", status, re.MULTILINE)
            assert re.search(r"^CapEff:\s+0+$", status, re.MULTILINE)
            with Phone(port) as phone:
                assert phone.register("alice").status == 200
            server.process.send_signal(signal.SIGTERM)
            assert server.wait(5) == 0


class TestUnit:
    def test_systemd_takes_it(self, tmp_path: Path) -> None:
        analyze = need("systemd-analyze")
        program = shutil.which("true")
        text = UNIT.read_text().replace("/opt/ringway/bin/ringway", str(program))
        for name in (UNIT.name, "ringway.socket"):
            (tmp_path / name).write_text((UNIT.parent / name).read_text())
        (tmp_path / UNIT.name).write_text(text)
        done = subprocess.run(
            [analyze, "verify", "--man=no", *(str(each) for each in tmp_path.glob("ringway.*"))],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout + done.stderr) == (0, "")

    def test_it_is_shut_in(self) -> None:
        analyze = need("systemd-analyze")
        done = subprocess.run(
            [analyze, "security", "--offline=true", "--no-pager", "--threshold=20", str(UNIT)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def test_its_time_to_stop_is_longer_than_the_drain(self) -> None:
        found = re.search(r"^TimeoutStopSec=(\d+)$", UNIT.read_text(), re.MULTILINE)
        assert found is not None
        assert int(found[1]) > TimersConfig().drain + 5

    def test_it_starts_with_options_there_are(self) -> None:
        text = UNIT.read_text()
        found = re.search(r"^ExecStart=\S+/ringway (.*)$", text, re.MULTILINE)
        assert found is not None
        options = [word for word in found[1].split() if word.startswith("--")]
        shown = subprocess.run(
            [*SERVE, "--help"], capture_output=True, text=True, check=True
        ).stdout
        assert options
        assert all(option in shown for option in options)


class TestContainer:
    """There is no engine in the tests: the commands are run as they stand, in a folder."""

    def instructions(self, name: str) -> list[str]:
        text = CONTAINER.read_text().replace("\\\n", "")
        return re.findall(rf"^\s*{name} +(.*)$", text, re.MULTILINE)

    def test_what_is_copied_exists(self) -> None:
        for copied in self.instructions("COPY"):
            if not copied.startswith("--from"):
                for source in copied.split()[:-1]:
                    assert (ROOT / source).exists(), source

    def test_it_is_installed_and_answers(self, tmp_path: Path) -> None:
        target = tmp_path / "opt"
        commands = [
            each for each in self.instructions("RUN") if "/opt/ringway" in each or "venv" in each
        ]
        assert commands == [
            "python -m venv /opt/ringway",
            "/opt/ringway/bin/pip install --no-cache-dir .",
        ]
        # The packages of this environment stand in for those a network would give.
        venv.create(target, system_site_packages=False, with_pip=False)
        site = next(target.glob("lib/python3*/site-packages"))
        mine = next(Path(sys.prefix).glob("lib/python3*/site-packages"))
        (site / "those.pth").write_text(f"{mine}\n")
        build = tmp_path / "build"
        build.mkdir()
        files, sources, _ = self.instructions("COPY")
        assert sources == "src ./src"
        for source in files.removesuffix(" ./").split():
            shutil.copy(ROOT / source, build)
        shutil.copytree(ROOT / "src", build / "src")
        pip = [sys.executable, "-m", "pip", "--python", str(target), "install", "--no-deps"]
        pip += ["--ignore-installed", "--quiet", "."]
        done = subprocess.run(pip, cwd=build, capture_output=True, text=True, check=False)
        if "hatchling" in done.stderr:
            missing("this machine lets us fetch no build backend")
        assert done.returncode == 0, done.stderr
        [entry] = self.instructions("ENTRYPOINT")
        assert entry == '["ringway", "serve"]'
        health = re.search(r"CMD \[(.*)\]", self.instructions("HEALTHCHECK")[0])
        assert health is not None
        check = [word.strip(' "') for word in health[1].split(",")]
        state = tmp_path / "state"
        check = [str(target / "bin" / check[0]), *check[1:-1], str(state)]
        text = f'listen = ["udp:127.0.0.1:{free_port()}"]'
        serve = (str(target / "bin" / "ringway"), "serve")
        with running(tmp_path, text, serve=serve) as server:
            assert subprocess.run(check, capture_output=True, check=False).returncode == 0
            server.process.send_signal(signal.SIGTERM)
            assert server.wait(5) == 0
        assert subprocess.run(check, capture_output=True, check=False).returncode != 0

    def test_it_runs_as_nobody_in_particular(self) -> None:
        assert self.instructions("USER") == ["ringway"]
        assert self.instructions("STOPSIGNAL") == ["SIGTERM"]
