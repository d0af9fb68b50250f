"""Which tests may run beside which: `make test` runs them in two processes."""

from __future__ import annotations

from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

TESTS = Path(__file__).parent
SHARED_FOLDERS = {"end_to_end": -2, "models": -1, "storage": 0, "dags": 1}
"""Folders whose tests share what takes long to make (a served world, a built project, an object store, an Airflow) and so stay in one process, with their order among all
others. The longest begin first, so that no process waits for the other at the end; Airflow comes last, because its environment stays with its process."""


class _FolderScheduling(LoadScopeScheduling):
    """Whole files are handed out, and whole folders where the tests share what takes long."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        folder = file.split("/")[1]
        return folder if folder in SHARED_FOLDERS else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling | None:
    """For `--dist loadscope`; groups by mark do not work with this pytest, which keeps a test's name where xdist does not write it."""
    return _FolderScheduling(config, log) if config.getvalue("dist") == "loadscope" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long folders first, the others in the order of their names."""
    items.sort(key=lambda item: SHARED_FOLDERS.get(item.path.relative_to(TESTS).parts[0], 0))
