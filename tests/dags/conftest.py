"""A configuration with two brands, and an Airflow home that is thrown away; set before Airflow is imported."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Port 9 (discard) of the loopback answers nobody: whoever connects is refused at once.
FIFTY_YML = """
brands:
  acme:
    name: Acme
    timezone: Europe/Berlin
    accounts:
      - {platform: mastodon, handle: acme, base_url: "http://127.0.0.1:9"}
      - {platform: bluesky, handle: acme.example, base_url: "http://127.0.0.1:9"}
  other:
    name: Other
    accounts:
      - {platform: bluesky, handle: other.example, base_url: "http://127.0.0.1:9"}
"""


@pytest.fixture(scope="session")
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    from scheduler.environment import make_environment

    home = tmp_path_factory.mktemp("airflow")
    (home / "fifty.yml").write_text(FIFTY_YML, encoding="utf-8")
    before = dict(os.environ)
    os.environ.update(
        {
            **make_environment(),
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
            "FIFTY_CONFIG": str(home / "fifty.yml"),
            "FIFTY_DATA": str(home / "data"),
            "FIFTY_HTTP_ATTEMPTS": "1",
            "FIFTY_TASK_RETRIES": "0",
        }
    )
    yield home
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def dag_bag(airflow_home: Path) -> Any:
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(ROOT / "dags"))
