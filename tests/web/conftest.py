"""A whole site, written once."""

from pathlib import Path

import pytest

from ringway.web.site import write_site


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("site")
    write_site(directory, url="https://sip.example.com/codes/")
    return directory
