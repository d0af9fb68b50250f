"""DAGs run for real, in this process: what a failing platform does to its run, to the others, and to the assets."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fifty.landing import LoadKey, LoadWriter, Window


class Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


@pytest.fixture(scope="module")
def prepared(airflow_home: Path, dag_bag: Any) -> Any:
    import os

    from scheduler.environment import prepare_airflow

    prepare_airflow(dict(os.environ), slots=2)
    return dag_bag


def run(bag: Any, name: str) -> tuple[str, dict[str, str], list[str], set[str]]:
    """State of the run, of its tasks, the alerts, and the assets it updated."""
    from airflow.models.asset import AssetEvent
    from airflow.settings import Session

    alerts = logging.getLogger("fifty.alerts")
    collector = Collector()
    alerts.addHandler(collector)
    try:
        finished = bag.dags[name].test(run_conf={"as_of": "2026-03-31"}, logical_date=None)
    finally:
        alerts.removeHandler(collector)
    session = Session()
    assets = {event.asset.uri for event in session.query(AssetEvent).filter(AssetEvent.source_run_id == finished.run_id)}
    return str(finished.state), {task.task_id: str(task.state) for task in finished.get_task_instances()}, collector.texts, assets


def test_a_platform_that_is_down_fails_its_own_run_with_one_alert_and_announces_nothing(prepared: Any) -> None:
    state, tasks, alerts, assets = run(prepared, "pull_mastodon")
    assert state == "failed"
    assert tasks == {"plan": "success", "pull": "failed", "announce": "success", "all_pulled": "upstream_failed"}
    assert assets == set()
    (alert,) = alerts
    for word in ("platform:mastodon", "stage:pull", "acme/mastodon/acme", "remedy:"):
        assert word in alert


def test_a_warehouse_run_that_comes_too_early_is_skipped_and_nobody_is_alarmed(prepared: Any, airflow_home: Path) -> None:
    key = LoadKey("other", "bluesky", "other.example", "profile", Window(None, datetime(2026, 4, 1, tzinfo=UTC)))
    with LoadWriter(airflow_home / "data", key, kind="state") as writer:
        writer.finish(scopes=[], next_state={})
    state, tasks, alerts, assets = run(prepared, "warehouse_other")
    assert (state, alerts, assets) == ("success", [], set())
    assert set(tasks.values()) == {"skipped"}


def test_what_landed_is_announced_for_each_brand(prepared: Any, airflow_home: Path) -> None:
    state, _, alerts, assets = run(prepared, "pull_config")
    assert (state, alerts) == ("success", [])
    assert assets == {"fifty://acme/landing", "fifty://other/landing"}
    assert list((airflow_home / "data" / "acme" / "landing" / "config").rglob("manifest.json"))


def test_extracts_of_a_brand_that_never_published_fail_and_say_what_to_do(prepared: Any) -> None:
    state, tasks, alerts, _ = run(prepared, "extracts_other")
    assert state == "failed"
    assert tasks == {"check_freshness": "failed", "extract": "upstream_failed"}
    assert "run `fifty publish` first" in alerts[0]
