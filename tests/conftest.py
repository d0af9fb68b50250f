"""Which tests may run beside which: `make test` runs them in two processes."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SHARED_FOLDERS = ("end_to_end", "models", "dags")
"""Folders whose tests share what takes long to make (a served world, a built project, an Airflow): they stay in one process, and begin first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group tests by file, or by folder where they share what takes long; the long groups first, so that neither process waits for the other at the end."""
    places = {item: item.path.relative_to(TESTS) for item in items}
    for item, place in places.items():
        item.add_marker(pytest.mark.xdist_group(place.parts[0] if place.parts[0] in SHARED_FOLDERS else place.as_posix()))
    order = {folder: number for number, folder in enumerate(SHARED_FOLDERS)}
    items.sort(key=lambda item: order.get(places[item].parts[0], len(order)))
