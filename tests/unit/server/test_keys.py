import errno
import json
import stat
from pathlib import Path

import pytest

from ringway.errors import ConfigError, TokenGone
from ringway.server import keys
from ringway.server.keys import KEY_LIFETIME, KEYS_FILE, KEYS_KEPT, StateDir, new_identity
from ringway.transport.flow import Address, Flow
from ringway.transport.token import Purpose, Sealer

FLOW = Flow("tcp", Address("192.0.2.1", 5060), Address("192.0.2.9", 34567), 7)


class TestIdentity:
    def test_a_token_outlives_a_restart(self, tmp_path: Path) -> None:
        with StateDir(tmp_path / "state") as state:
            first = state.identity(1000.0)
        text = Sealer(first.keys, first.node).seal_path(FLOW)
        with StateDir(tmp_path / "state") as state:
            second = state.identity(2000.0)
        assert second.node == first.node
        assert Sealer(second.keys, second.node).open(text, Purpose.PATH).flow == FLOW

    def test_generations_never_come_again(self, tmp_path: Path) -> None:
        with StateDir(tmp_path) as state:
            generations = [state.identity(now).generation for now in (1000.0, 2000.0, 500.0)]
        assert generations == sorted(generations)
        assert generations[1] - generations[0] >= 1 << 32

    def test_an_old_key_makes_way_and_still_opens(self, tmp_path: Path) -> None:
        with StateDir(tmp_path) as state:
            first = state.identity(0.0)
            text = Sealer(first.keys, first.node).seal_path(FLOW)
            same = state.identity(KEY_LIFETIME)
            assert same.keys.current == first.keys.current
            later = state.identity(KEY_LIFETIME + 1.0)
            assert later.keys.current != first.keys.current
            assert Sealer(later.keys, later.node).open(text, Purpose.PATH).flow == FLOW
            now = 0.0
            for number in range(2, KEYS_KEPT + 2):
                now = number * (KEY_LIFETIME + 1.0)
                last = state.identity(now)
        with pytest.raises(TokenGone):
            Sealer(last.keys, last.node).open(text, Purpose.PATH)

    def test_key_ids_start_over(self, tmp_path: Path) -> None:
        with StateDir(tmp_path) as state:
            state.identity(0.0)
            file = tmp_path / KEYS_FILE
            kept = json.loads(file.read_text())
            kept["keys"][0]["id"] = 255
            file.write_text(json.dumps(kept))
            assert state.identity(KEY_LIFETIME + 1.0).keys.current == 0

    def test_a_full_disk_stops_no_start(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def write(_file: Path, _text: str) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        with StateDir(tmp_path) as state:
            first = state.identity(0.0)
            with monkeypatch.context() as full:
                full.setattr(keys, "_write_private", write)
                uncounted = [state.identity(0.0).generation for _ in range(3)]
            counted = state.identity(0.0)
        assert counted.node == first.node
        # Each its own, none of them near those of a start that was counted.
        assert len({first.generation, *uncounted, counted.generation}) == 5
        assert all(each - counted.generation >= 1 << 31 for each in uncounted)
        assert all(counted.generation + (1 << 32) > each for each in uncounted)
        assert caplog.messages[0].endswith("no space left on device")

    def test_a_full_disk_and_nothing_known(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def write(_file: Path, _text: str) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(keys, "_write_private", write)
        with StateDir(tmp_path) as state, pytest.raises(ConfigError, match="no space left"):
            state.identity(0.0)

    def test_without_a_directory_it_is_new_each_time(self) -> None:
        assert new_identity().node != new_identity().node


class TestStateDir:
    def test_only_its_owner_gets_in(self, tmp_path: Path) -> None:
        folder = tmp_path / "deep" / "state"
        with StateDir(folder) as state:
            state.identity(0.0)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / KEYS_FILE).stat().st_mode) == 0o600

    def test_one_server_at_a_time(self, tmp_path: Path) -> None:
        with (
            StateDir(tmp_path),
            pytest.raises(ConfigError, match="a ringway server runs with this one"),
            StateDir(tmp_path),
        ):
            pass
        with StateDir(tmp_path):
            pass

    def test_may_be_left_twice(self, tmp_path: Path) -> None:
        with StateDir(tmp_path) as state:
            state.__exit__(None, None, None)

    def test_a_path_that_is_no_directory(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with (
            pytest.raises(ConfigError, match="a directory we may write to"),
            StateDir(tmp_path / "file"),
        ):
            pass

    @pytest.mark.parametrize(
        "text",
        ["[]", "nonsense", '{"keys": [{"id": 0, "made": 1, "key": "eA=="}]}', '{"keys": [1]}'],
    )
    def test_a_keys_file_that_is_none(self, tmp_path: Path, text: str) -> None:
        (tmp_path / KEYS_FILE).write_text(text)
        with (
            StateDir(tmp_path) as state,
            pytest.raises(ConfigError, match="a keys file of ringway"),
        ):
            state.identity(0.0)

    def test_a_keys_file_that_cannot_be_written(self, tmp_path: Path) -> None:
        with StateDir(tmp_path) as state:
            (tmp_path / KEYS_FILE).with_suffix(".new").mkdir()
            with pytest.raises(ConfigError, match="a file we may read and write"):
                state.identity(0.0)
