"""The exception tree: what each one tells its catcher."""

import pytest

from ringway.errors import (
    ConfigError,
    ParseError,
    RingwayError,
    StoreError,
    TokenGone,
    TokenTampered,
)


@pytest.mark.parametrize(
    "error",
    [
        ParseError("no Call-ID"),
        TokenTampered("broken seal"),
        TokenGone("unknown key 7"),
        StoreError("disk full"),
        ConfigError("ringway.toml", "listen.0.port", 70000, "a port from 1 to 65535"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_one_except_catches_all(error: RingwayError) -> None:
    assert isinstance(error, RingwayError)
    assert str(error)
    assert "\n" not in str(error)


class TestParseError:
    def test_is_a_400_without_more_unless_told(self) -> None:
        error = ParseError("no Call-ID")
        assert error.status == 400
        assert error.headers == ()
        assert error.message is None
        assert error.reason == str(error) == "no Call-ID"

    def test_status_none_means_drop(self) -> None:
        assert ParseError("status 9999", status=None).status is None

    def test_carries_what_the_response_needs(self) -> None:
        message = object()
        error = ParseError(
            "unknown extension",
            status=420,
            message=message,
            headers=(("Unsupported", "nothing"),),
        )
        assert error.message is message
        assert error.headers == (("Unsupported", "nothing"),)

    @pytest.mark.parametrize(
        ("header", "offset", "text"),
        [
            ("via", 12, "via at octet 12: no branch"),
            ("via", -1, "via: no branch"),
            ("", 0, "message at octet 0: no branch"),
            ("", -1, "no branch"),
        ],
    )
    def test_says_where(self, header: str, offset: int, text: str) -> None:
        assert str(ParseError("no branch", header=header, offset=offset)) == text


def test_store_error_keeps_its_reason() -> None:
    assert StoreError("disk full").reason == "disk full"


def test_config_error_names_file_key_value_and_what_is_allowed() -> None:
    error = ConfigError("ringway.toml", "listen.0.port", "70000", "a port from 1 to 65535")
    assert str(error) == (
        "ringway.toml: listen.0.port = '70000' is not allowed; use a port from 1 to 65535"
    )
    assert (error.file, error.key, error.value, error.allowed) == (
        "ringway.toml",
        "listen.0.port",
        "70000",
        "a port from 1 to 65535",
    )
