"""The marts of a small brand, and the settings to publish them with."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fifty.settings import Settings
from fifty.warehouse import BrandPaths


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data", _env_file=None)


@pytest.fixture
def paths(settings: Settings) -> BrandPaths:
    return BrandPaths(settings.data, "acme")
