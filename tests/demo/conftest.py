"""A demo world served for the tests: real processes, real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo_reader import WORLD, Reader, Truth, read_addresses, start_demo


@pytest.fixture(scope="session")
def demo_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    directory = tmp_path_factory.mktemp("demo")
    process = start_demo(directory, *WORLD, "--limits", "raised")
    yield directory
    process.terminate()
    assert process.wait(10) == 0


@pytest.fixture(scope="session")
def addresses(demo_directory: Path) -> dict[str, Any]:
    return read_addresses(demo_directory)


@pytest.fixture(scope="session")
def reader(addresses: dict[str, Any]) -> Reader:
    return Reader(addresses)


@pytest.fixture(scope="session")
def truth(demo_directory: Path) -> Truth:
    return Truth(demo_directory)
