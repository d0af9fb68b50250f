"""A demo world served by its own processes, and the pipeline run over it by the command line, as anybody would."""

from __future__ import annotations

import shutil
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
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory in which runs follow each other. In one place, because dbt reads its whole project anew where paths change."""
    return tmp_path_factory.mktemp("runs") / "data"


@pytest.fixture(scope="session")
def first_run(world: DemoWorld, data: Path, tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """One `fifty run` over the whole world, from nothing; a copy, to be read only, because later runs go on in `data`."""
    done = world.run_fifty(data, "run", "--as-of", world.as_of, "--json")
    return FinishedRun(data / world.brand, done).copy(tmp_path_factory.mktemp("first-run"))


@pytest.fixture
def work_file(first_run: FinishedRun, tmp_path: Path) -> FinishedRun:
    """A copy of the first run's work file alone, to be written into."""
    root = tmp_path / first_run.root.name
    root.mkdir()
    shutil.copy(first_run.root / "warehouse.duckdb", root)
    return FinishedRun(root, first_run.said)
