import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.auth.support import ALICE, BOB, REALM

from ringway.auth import Algorithm, User, Users, make_ha1, make_user, parse_users
from ringway.auth.users import format_user
from ringway.errors import ConfigError

MD5 = "0" * 32
SHA = "0" * 64
NAME = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters=":"), min_size=1)


def table(**values: object) -> str:
    lines = [f"{key} = {value!r}" for key, value in values.items()]
    return "\n".join(["[[user]]", *lines, ""])


def fault(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_users(text, "users.toml")
    return str(caught.value)


class TestUser:
    def test_a_user_holds_hashes_and_no_password(self) -> None:
        user = make_user("alice", REALM, "Circle of Life")
        assert user.hashes == {
            each: make_ha1(each, "alice", REALM, "Circle of Life") for each in Algorithm
        }
        assert "Circle" not in format_user(user)
        assert str(user) == "alice@example.com"

    def test_hashes_are_not_shown(self) -> None:
        assert repr(ALICE) == "User(name='alice', realm='example.com')"

    def test_a_user_can_be_a_key(self) -> None:
        assert {ALICE: 1}[make_user("alice", REALM, "secret")] == 1

    def test_composed_characters_are_one_spelling(self) -> None:
        assert make_user("a\u0308", REALM, "o\u0308") == make_user("ä", REALM, "ö")

    @pytest.mark.parametrize(
        ("name", "realm"),
        [("", "r"), ("a:b", "r"), ("a\n", "r"), ("a\udc80", "r"), ("a", ""), ("a", "r\x7f")],
    )
    def test_what_cannot_be_a_name(self, name: str, realm: str) -> None:
        with pytest.raises(ValueError, match="text in quotes, not empty"):
            make_user(name, realm, "x")


class TestUsers:
    def test_find(self) -> None:
        users = Users([ALICE, BOB])
        assert users.find(REALM, "alice") is ALICE
        assert users.find("example.org", "alice") is None
        assert users.find(REALM, "Alice") is None
        assert list(users) == [ALICE, BOB]
        assert len(users) == 2

    def test_one_name_in_two_realms(self) -> None:
        other = make_user("alice", "example.org", "x")
        assert Users([ALICE, other]).find("example.org", "alice") is other

    def test_not_twice_in_one(self) -> None:
        with pytest.raises(ValueError, match=r"alice@example\.com is there twice"):
            Users([ALICE, ALICE])

    def test_who_cannot_answer(self) -> None:
        old = User("old", REALM, {Algorithm.MD5: MD5})
        users = Users([ALICE, old])
        assert users.without([Algorithm.MD5]) == []
        assert users.without(Algorithm) == [
            (old, Algorithm.SHA_256),
            (old, Algorithm.SHA_512_256),
        ]


class TestFile:
    def test_what_is_written_is_read(self) -> None:
        text = f"{format_user(ALICE)}\n# Bob's phone\n{format_user(BOB)}"
        assert list(parse_users(text, "f")) == [ALICE, BOB]
        assert [list(each) for each in tomllib.loads(text)["user"]] == [
            ["name", "realm", "sha_256", "sha_512_256", "md5"]
        ] * 2

    def test_an_empty_file_has_no_users(self) -> None:
        assert len(parse_users("# nobody yet\n", "f")) == 0

    def test_hashes_in_capitals_and_only_one(self) -> None:
        (user,) = parse_users(table(name="a", realm="r", md5="AB" * 16), "f")
        assert user.hashes == {Algorithm.MD5: "ab" * 16}
        assert "sha" not in format_user(user)

    @settings(deadline=None)
    @given(NAME, NAME)
    def test_any_name(self, name: str, realm: str) -> None:
        user = User(name, realm, {Algorithm.MD5: MD5})
        assert list(parse_users(format_user(user), "f")) == [user]

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            (
                table(name="a", realm="r", sha256=SHA),
                "user[0].sha256 = '...' is not allowed; use sha_256 (the nearest)",
            ),
            (
                table(name="a", realm="r", xyz=1),
                (
                    "user[0].xyz = '...' is not allowed; "
                    "use one of name, realm, sha_256, sha_512_256, md5"
                ),
            ),
            (
                table(name="a", realm="r"),
                "user[0] = 'a@r' is not allowed; use at least one of sha_256, sha_512_256, md5",
            ),
            (
                table(realm="r", md5=MD5),
                "user[0].name = '' is not allowed; use a value; it cannot be left out",
            ),
            (
                table(name="a", realm=7, md5=MD5),
                (
                    "user[0].realm = 7 is not allowed; "
                    "use text in quotes, not empty, without control characters"
                ),
            ),
            (
                table(name="a:b", realm="r", md5=MD5),
                (
                    "user[0].name = 'a:b' is not allowed; "
                    "use text in quotes, not empty, without control characters and colons"
                ),
            ),
            (
                table(name="a", realm="r", md5=MD5) * 2,
                (
                    "user[1].name = 'a' is not allowed; "
                    "use one table for each user (user[0] is the same)"
                ),
            ),
            ("users = 1", "users = '...' is not allowed; use [[user]] tables and nothing else"),
            ("user = 1", "user = '...' is not allowed; use [[user]] tables"),
            ("user = [1]", "user = '...' is not allowed; use [[user]] tables"),
            ("[user]\nname = 'a'", "user = '...' is not allowed; use [[user]] tables"),
        ],
    )
    def test_a_fault_names_file_and_key(self, text: str, line: str) -> None:
        assert fault(text) == f"users.toml: {line}"

    @pytest.mark.parametrize("value", ["geheim", SHA, MD5[1:], "g" * 32, 5, MD5 + " "])
    def test_a_fault_shows_no_secret(self, value: object) -> None:
        assert fault(table(name="a", realm="r", md5=value)) == (
            "users.toml: user[0].md5 = '...' is not allowed; "
            "use the 32 hexadecimal digits that `ringway user add` writes"
        )

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("[[user]]\nname = 'geheim", 2),
            ("[[user]]\nmd5 = geheim", 2),
            ("[[user]]\nmd5 = 'x' geheim\n", 2),
            ('[[user]]\nmd5 = "\\geheim"\n', 2),
            ("[[user]]\nmd5 = 1\nmd5 = 'geheim'\n", 3),
            ('[[user]]\nmd5 = """geheim\n', 2),
            ("[[user]]\ngeheim", 2),
            ("geheim = {", 1),
            ("user = {geheim = 1, geheim = 2}", 1),
            ("[geheim]\n[geheim]", 2),
        ],
    )
    def test_what_is_no_toml_is_not_shown(self, text: str, line: int) -> None:
        said = fault(text)
        assert said.startswith(f"users.toml: line {line} = '...' is not allowed; use TOML (")
        assert "geheim" not in said


def test_the_example_of_the_docstring(tmp_path: Path) -> None:
    doc = parse_users.__globals__["__doc__"]
    example = doc[doc.index("[[user]]") : doc.index("One hash")].replace("    ", "")
    example = example.replace("64 hexadecimal digits", SHA).replace("32 hexadecimal digits", MD5)
    assert [str(user) for user in parse_users(example, "f")] == ["alice@example.com"]
