from ringway.message import memory
from ringway.message.memory import keep, remember


class TestRemember:
    def test_keeps_and_returns_the_value(self) -> None:
        kept: dict[str, int] = {}
        assert remember(kept, "one", 1) == 1
        assert kept == {"one": 1}

    def test_keeps_no_long_text(self) -> None:
        kept: dict[str, int] = {}
        assert remember(kept, "x" * (memory._LONGEST + 1), 1) == 1
        assert kept == {}

    def test_never_grows_beyond_its_size(self) -> None:
        kept: dict[str, int] = {}
        for number in range(memory._SIZE + 1):
            remember(kept, str(number), number)
            assert len(kept) <= memory._SIZE
        assert kept == {str(memory._SIZE): memory._SIZE}

    def test_keeps_by_anything(self) -> None:
        kept: dict[tuple[str, int], str] = {}
        assert keep(kept, ("a", 1), "x") == "x"
        assert kept == {("a", 1): "x"}
