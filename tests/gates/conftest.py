"""One import of Great Expectations and one good world for the whole folder; each test breaks it its own way and gives it back."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

import pytest
from landed_world import land_good_world

from fifty.settings import PROJECT_ROOT, Settings
from fifty.warehouse import BrandPaths, connect


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(
        _env_file=None,
        data=tmp_path_factory.mktemp("gates"),
        expectations=PROJECT_ROOT / "expectations",
        dbt_project=PROJECT_ROOT / "dbt_project",
        lock_timeout_seconds=5,
    )


@pytest.fixture(scope="session")
def good_brand(settings: Settings) -> BrandPaths:
    """A brand with the good world landed and nothing gated; never changed."""
    paths = BrandPaths(settings.data, "good")
    with connect(paths, settings) as connection:
        land_good_world(paths, connection)
    return paths


@pytest.fixture
def make_brand(settings: Settings, good_brand: BrandPaths) -> Iterator[Callable[..., BrandPaths]]:
    """Copies of the good brand, or empty ones (fewer tables, faster), for tests that run the whole gate."""
    made: list[BrandPaths] = []

    def make(name: str, *, is_empty: bool = False) -> BrandPaths:
        paths = BrandPaths(settings.data, name)
        if is_empty:
            with connect(paths, settings):
                pass
        else:
            shutil.copytree(good_brand.root, paths.root)
        made.append(paths)
        return paths

    yield make
    for paths in made:
        shutil.rmtree(paths.root)
