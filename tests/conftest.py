"""Which tests may run beside which: `make test` runs them in two processes."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SHARED_FOLDERS = {"end_to_end": -2, "models": -1, "dags": 1}
"""Folders whose tests share what takes long to make (a served world, a built project, an Airflow) and so stay in one process, with their order among all
others. The longest begin first, so that no process waits for the other at the end; Airflow comes last, because its environment stays with its process."""


# First, because the group becomes a part of the test's name right after.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group tests by file, or by folder where they share what takes long."""
    places = {item: item.path.relative_to(TESTS) for item in items}
    for item, place in places.items():
        item.add_marker(pytest.mark.xdist_group(place.parts[0] if place.parts[0] in SHARED_FOLDERS else place.as_posix()))
    items.sort(key=lambda item: SHARED_FOLDERS.get(places[item].parts[0], 0))
