import os
import stat
import threading
from pathlib import Path

import pytest
from tests.unit.auth.support import ALICE, BOB, REALM

from ringway.auth import make_user
from ringway.auth.users import format_user
from ringway.auth.users_file import HEAD, add_user, load_users, remove_user
from ringway.errors import ConfigError

CAROL = make_user("carol", REALM, "third")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "users.toml"


def written(*parts: str) -> str:
    return "\n".join(parts)


class TestAdding:
    def test_the_first_makes_the_file(self, tmp_path: Path) -> None:
        file = tmp_path / "state" / "users.toml"
        assert add_user(file, ALICE)
        assert file.read_text() == f"{HEAD}\n\n{format_user(ALICE)}"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        assert list(file.parent.iterdir()) == [file]

    def test_others_are_left_alone(self, file: Path) -> None:
        before = "# who is here\r\n[[user]] # x\n" + format_user(BOB).partition("\n")[2]
        file.write_bytes(before.encode())
        assert add_user(file, ALICE)
        assert file.read_bytes().decode() == f"{before}\n{format_user(ALICE)}"

    def test_a_last_line_without_end(self, file: Path) -> None:
        file.write_text(format_user(BOB).rstrip())
        assert add_user(file, ALICE)
        assert list(load_users(file)) == [BOB, ALICE]

    def test_another_password_in_the_same_place(self, file: Path) -> None:
        parts = [
            "# first\n",
            f"# Alice's\n{format_user(ALICE)}",
            f"\n# Bob's\n{format_user(BOB)}",
            "# end\n",
        ]
        file.write_text("".join(parts))
        fresh = make_user("alice", REALM, "new")
        assert not add_user(file, fresh)
        parts[1] = f"# Alice's\n{format_user(fresh)}"
        assert file.read_text() == "".join(parts)


class TestRemoving:
    TEXT = (
        f"# head\n\n# Alice's\n# two lines\n{format_user(ALICE)}\n\n"
        f"{format_user(BOB)}\n# Carol's\n{format_user(CAROL)}"
    )

    @pytest.mark.parametrize(
        ("name", "left"),
        [
            ("alice", f"# head\n\n{format_user(BOB)}\n# Carol's\n{format_user(CAROL)}"),
            (
                "bob",
                (
                    f"# head\n\n# Alice's\n# two lines\n{format_user(ALICE)}\n\n"
                    f"# Carol's\n{format_user(CAROL)}"
                ),
            ),
            (
                "carol",
                f"# head\n\n# Alice's\n# two lines\n{format_user(ALICE)}\n\n{format_user(BOB)}\n",
            ),
        ],
    )
    def test_with_the_comment_above(self, file: Path, name: str, left: str) -> None:
        file.write_text(self.TEXT)
        assert remove_user(file, REALM, name)
        assert file.read_text() == left

    def test_all_and_again(self, file: Path) -> None:
        file.write_text(self.TEXT)
        for name in ("bob", "carol", "alice"):
            assert remove_user(file, REALM, name)
        assert len(load_users(file)) == 0
        assert add_user(file, ALICE)
        assert file.read_text() == f"# head\n\n{format_user(ALICE)}"

    def test_the_comment_in_the_first_line(self, file: Path) -> None:
        file.write_text(f"# Alice's\n{format_user(ALICE)}")
        assert remove_user(file, REALM, "alice")
        assert file.read_text() == ""

    def test_who_is_not_there(self, file: Path) -> None:
        assert not remove_user(file.parent / "none" / "file", REALM, "alice")
        assert list(file.parent.iterdir()) == []
        file.write_text(self.TEXT)
        assert not remove_user(file, "example.org", "alice")
        assert file.read_text() == self.TEXT


class TestOnDisk:
    def test_who_could_read_it_still_can(self, file: Path) -> None:
        file.write_text(format_user(BOB))
        file.chmod(0o644)
        if os.geteuid() == 0:
            os.chown(file, 12345, 23456)
        before = file.stat()
        add_user(file, ALICE)
        after = file.stat()
        assert stat.S_IMODE(after.st_mode) == 0o640
        assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)
        file.chmod(0o600)
        remove_user(file, REALM, "bob")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600

    def test_a_link_stays_one(self, file: Path) -> None:
        link = file.parent / "link"
        link.symlink_to(file)
        add_user(link, ALICE)
        assert link.is_symlink()
        assert list(load_users(file)) == [ALICE]

    def test_what_a_crash_left_is_no_hindrance(self, file: Path) -> None:
        (file.parent / ".users.toml.new").write_text("half of")
        add_user(file, ALICE)
        assert list(file.parent.iterdir()) == [file]

    def test_it_is_on_the_disk_before_it_is_in_its_place(
        self, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        steps: list[str] = []
        sync, move = os.fsync, Path.replace

        def fsync(handle: int) -> None:
            folder = stat.S_ISDIR(os.fstat(handle).st_mode)
            steps.append("sync folder" if folder else "sync file")
            sync(handle)

        def replace(self: Path, target: Path) -> Path:
            steps.append("replace")
            return move(self, target)

        monkeypatch.setattr(os, "fsync", fsync)
        monkeypatch.setattr(Path, "replace", replace)
        add_user(file, ALICE)
        assert steps == ["sync file", "replace", "sync folder"]

    def test_a_full_disk_leaves_the_old_file(
        self, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        add_user(file, ALICE)
        before = file.read_bytes()

        def full(handle: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(ConfigError) as caught:
            add_user(file, BOB)
        assert str(caught.value) == (
            f"users file: path = '{file}' is not allowed; "
            "use a file that we may read and write (no space left on device)"
        )
        assert file.read_bytes() == before
        assert list(file.parent.iterdir()) == [file]

    def test_two_at_once_lose_nobody(self, file: Path) -> None:
        users = [make_user(f"user{n}", REALM, "x") for n in range(16)]
        threads = [threading.Thread(target=add_user, args=(file, user)) for user in users]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {user.name for user in load_users(file)} == {user.name for user in users}


class TestFaults:
    def test_no_file(self, file: Path) -> None:
        with pytest.raises(ConfigError, match="no such file or directory"):
            load_users(file)

    def test_no_directory(self, file: Path) -> None:
        file.write_text("")
        with pytest.raises(ConfigError, match="users file: path = "):
            add_user(file / "below", ALICE)

    def test_not_utf_8(self, file: Path) -> None:
        file.write_bytes(b"# \xff\n")
        with pytest.raises(ConfigError) as caught:
            load_users(file)
        assert str(caught.value) == f"{file}: byte 2 = '' is not allowed; use a file in UTF-8"

    def test_a_file_with_a_fault_is_not_changed(self, file: Path) -> None:
        file.write_text("[[user]]\nname = 1\n")
        with pytest.raises(ConfigError, match=r"user\[0\]\.name"):
            add_user(file, ALICE)
        assert file.read_text() == "[[user]]\nname = 1\n"

    def test_a_way_of_writing_that_a_command_cannot_change(self, file: Path) -> None:
        text = f"user = [{{name = 'a', realm = 'r', md5 = '{'0' * 32}'}}]"
        file.write_text(text)
        assert len(load_users(file)) == 1
        with pytest.raises(ConfigError, match="an editor instead of this command"):
            remove_user(file, "r", "a")
        assert file.read_text() == text
