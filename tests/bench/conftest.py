"""A small generated world, and its platforms served over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from served_world import ANCHOR, DAY_BEFORE, Served

from demo.world.generate import generate_world
from demo.world.presets import make_plan


@pytest.fixture(scope="session")
def small_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small-world")
    generate_world(make_plan("small", 7, ANCHOR), folder)
    return folder


@pytest.fixture(scope="module")
def served(small_world: Path) -> Iterator[Served]:
    services = Served(small_world, DAY_BEFORE)
    try:
        services.start()
        yield services
    finally:
        services.stop()
