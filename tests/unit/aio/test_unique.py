import re

import pytest

from ringway.aio.unique import Unique


class TestUnique:
    @pytest.mark.clause("RFC3261-8.1.1.4-4")
    def test_never_the_same(self) -> None:
        unique = Unique()
        found = [unique() for _ in range(2000)]
        assert len(set(found)) == 2000
        assert all(re.fullmatch(r"[A-Za-z0-9_-]{12}", each) for each in found)

    def test_two_of_them_share_nothing(self) -> None:
        assert not {Unique()() for _ in range(100)} & {Unique()() for _ in range(100)}
