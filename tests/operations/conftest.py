"""A small published brand with extracts and landed loads, for what operators do to brands."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from killed_child import run_in_child
from operated_brand import fill_brand, make_brand

from fifty import serving
from fifty.config import Brand
from fifty.settings import Settings
from fifty.warehouse import BrandPaths


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "LEAD_SECONDS", 0.02)
    monkeypatch.setattr(serving, "GRACE_SECONDS", 0.02)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data", config=tmp_path / "fifty.yml", _env_file=None)


@pytest.fixture
def paths(settings: Settings) -> BrandPaths:
    return BrandPaths(settings.data, "acme")


@pytest.fixture
def brand() -> Brand:
    return make_brand()


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a filled brand, to be copied. Filled in a process of its own: one that forks later must not hold DuckDB's threads."""
    data = tmp_path_factory.mktemp("prepared") / "data"
    settings = Settings(data=data, _env_file=None)

    def fill() -> None:
        serving.LEAD_SECONDS = serving.GRACE_SECONDS = 0.02
        fill_brand(BrandPaths(data, "acme"), settings, make_brand())

    assert run_in_child(fill, watched=()) == 0
    return data


@pytest.fixture
def filled(prepared: Path, paths: BrandPaths) -> BrandPaths:
    """A filled brand of one's own."""
    shutil.copytree(prepared, paths.data, symlinks=True)
    return paths
