"""An object store for all tests of this folder, and machines that share it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from object_store import BUCKET, LossyLine, ObjectStoreServer, serve_line, serve_objects

from fifty.settings import Settings
from fifty.warehouse import BrandPaths


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStoreServer]:
    with serve_objects(tmp_path_factory.mktemp("object-store") / "weed") as served:
        yield served


@pytest.fixture
def line(server: ObjectStoreServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[LossyLine]:
    """The store as this process and its children see it."""
    with serve_line(server) as line:
        for name, value in line.environment.items():
            monkeypatch.setenv(name, value)
        yield line


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str:
    """A place of its own for each test."""
    return f"s3://{BUCKET}/{''.join(letter if letter.isalnum() else '-' for letter in request.node.name)}"


@pytest.fixture
def machine(tmp_path: Path, line: LossyLine, url: str) -> Callable[[str], tuple[BrandPaths, Settings]]:
    """A machine by its name: a data directory of its own, and the shared store."""

    def build(name: str) -> tuple[BrandPaths, Settings]:
        settings = Settings(
            data=tmp_path / name / "data", landing_url=url, published_url=url, extracts_url=url, storage_retries=2, storage_timeout_seconds=15,
            _env_file=None,
        )  # fmt: skip
        return BrandPaths(settings.data, "acme"), settings

    return build
