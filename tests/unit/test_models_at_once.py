"""How many models a transform builds side by side."""

from __future__ import annotations

from pathlib import Path

import pytest

from fifty.settings import load_settings
from fifty.transform import count_models_at_once
from fifty.warehouse import BrandPaths


@pytest.mark.parametrize(
    ("memory", "megabytes", "expected"),
    [("4GB", 1, 3), ("4GB", 1900, 3), ("4GB", 2100, 1), ("4 GB", 2100, 1), ("16GB", 2100, 3), ("2GiB", 1100, 1), ("none", 1, 3)],
)
def test_one_model_at_a_time_where_the_work_file_is_large_beside_the_memory(tmp_path: Path, memory: str, megabytes: int, expected: int) -> None:
    paths = BrandPaths(tmp_path, "acme")
    paths.root.mkdir()
    with paths.warehouse.open("wb") as file:
        file.truncate(megabytes * 1_000_000)
    assert count_models_at_once(paths, load_settings(data=tmp_path, memory_limit=memory, threads=3)) == expected


def test_a_brand_without_a_work_file_is_small(tmp_path: Path) -> None:
    assert count_models_at_once(BrandPaths(tmp_path, "acme"), load_settings(data=tmp_path, threads=2)) == 2
