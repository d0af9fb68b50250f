"""A demo world served by its own processes, and the pipeline run over it by the command line, as anybody would."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from demo_world import DemoWorld, FinishedRun


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoWorld]:
    """The world at its end: everything in it can be seen."""
    served = DemoWorld(tmp_path_factory.mktemp("end-to-end"))
    served.start()
    yield served
    served.stop()


@pytest.fixture(scope="session")
def first_run(world: DemoWorld, tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """One `fifty run` over the whole world, from nothing. Tests that write into its data take a copy."""
    data = tmp_path_factory.mktemp("first-run") / "data"
    done = world.run_fifty(data, "run", "--as-of", world.as_of, "--json")
    return FinishedRun(data / world.brand, done)


@pytest.fixture
def copied_run(world: DemoWorld, first_run: FinishedRun, tmp_path: Path) -> FinishedRun:
    """A copy of the first run, to be written into."""
    return first_run.copy(tmp_path / "data")
