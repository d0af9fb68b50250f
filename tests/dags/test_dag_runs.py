"""DAGs run for real, in this process: what a failing platform does to its run, to the others, and to the assets."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fifty.landing import LoadKey, LoadWriter, Window, load_folder
from fifty.state import record_act
from fifty.warehouse import BrandPaths

ROOT = Path(__file__).resolve().parents[2]


class Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


@pytest.fixture(scope="module")
def prepared(airflow_home: Path, dag_bag: Any) -> Any:
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
    for word in ("platform:mastodon", "stage:pull", "acme/mastodon/acme", "remedy:", "page: docs/runbook.md#retryableerror"):
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


@pytest.fixture
def acme(airflow_home: Path) -> Iterator[BrandPaths]:
    paths = BrandPaths(airflow_home / "data", "acme")
    yield paths
    paths.operations.unlink()


def test_a_paused_brand_is_skipped_in_every_dag_and_nobody_is_alarmed(prepared: Any, acme: BrandPaths) -> None:
    record_act(acme, "pause", by="ann", why="review")
    for name, tasks in (
        ("pull_mastodon", {"plan": "success", "pull": "skipped", "announce": "success", "all_pulled": "skipped"}),
        ("extracts_acme", {"check_freshness": "skipped", "extract": "skipped"}),
    ):
        state, found, alerts, assets = run(prepared, name)
        assert (state, found, alerts, assets) == ("success", tasks, [], set())
    state, found, alerts, _ = run(prepared, "warehouse_acme")
    assert (state, set(found.values()), alerts) == ("success", {"skipped"}, [])


def test_a_paused_brand_does_not_keep_the_others_of_its_platform_from_being_pulled(prepared: Any, acme: BrandPaths) -> None:
    record_act(acme, "pause", by="ann", why="review")
    state, _, alerts, assets = run(prepared, "pull_config")
    assert (state, alerts, assets) == ("success", [], {"fifty://other/landing"})


def test_held_extracts_are_skipped_and_nobody_is_alarmed(prepared: Any, acme: BrandPaths) -> None:
    record_act(acme, "hold", by="ann", why="odd numbers")
    assert run(prepared, "extracts_acme")[:3] == ("success", {"check_freshness": "skipped", "extract": "skipped"}, [])
    record_act(acme, "release")
    assert run(prepared, "extracts_acme")[0] == "failed"  # as of any brand that never published


def test_the_nightly_care_prunes_what_the_command_would(prepared: Any, airflow_home: Path) -> None:
    key = LoadKey("other", "bluesky", "other.example", "abandoned", Window(None, datetime(2026, 4, 1, tzinfo=UTC)))
    LoadWriter(airflow_home / "data", key, kind="state")
    folder = load_folder(airflow_home / "data", key)
    for path in (folder, *folder.iterdir()):
        os.utime(path, (0, 0))
    assert run(prepared, "maintenance")[0] == "success"
    assert not folder.exists()


def test_a_store_that_is_down_does_not_hide_a_damaged_load(prepared: Any, airflow_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = LoadKey("other", "bluesky", "other.example", "damaged", Window(None, datetime(2026, 4, 1, tzinfo=UTC)))
    with LoadWriter(airflow_home / "data", key, kind="events") as writer:
        writer.write({"account": "other.example"}, 1, [{"id": "1"}])
        load = writer.finish(scopes=[], next_state={})
    load.part_paths[0].write_bytes(b"damaged")
    nowhere = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key"}
    for name, value in {**nowhere, "FIFTY_LANDING_URL": "s3://bucket/fifty", "FIFTY_STORAGE_RETRIES": "0"}.items():
        monkeypatch.setenv(name, value)
    state, _, alerts, _ = run(prepared, "maintenance")
    shutil.rmtree(load.folder)
    assert state == "failed"
    assert [text for text in alerts if "landed loads are not what their manifests say" in text]
    assert [text for text in alerts if "the object store did not" in text]


SIDE_BY_SIDE = """
import json, sys
from dataclasses import asdict
from datetime import date
from airflow.dag_processing.dagbag import DagBag
from scheduler.lanes import run_waves
waves = [["pull_business", "pull_mastodon"], ["pull_config"], ["extracts_acme", "extracts_other"]]
outcomes = list(run_waves(DagBag("dags").dags, waves, date(2026, 3, 30), lanes=2))
open(sys.argv[1], "w").write(json.dumps([asdict(outcome) for outcome in outcomes]))
"""


def test_dags_of_a_wave_run_side_by_side_and_bring_their_tasks_and_alerts_home(prepared: Any, airflow_home: Path, tmp_path: Path) -> None:
    # In a process of its own: nothing is forked from one in which Airflow has run.
    report = tmp_path / "report.json"
    done = subprocess.run([sys.executable, "-c", SIDE_BY_SIDE, str(report)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    outcomes = json.loads(report.read_text(encoding="utf-8"))
    states = {outcome["name"]: outcome["state"] for outcome in outcomes}
    assert states == {
        "pull_business": "success",
        "pull_mastodon": "failed",
        "pull_config": "success",
        "extracts_acme": "failed",
        "extracts_other": "failed",
    }
    by_name = {outcome["name"]: outcome for outcome in outcomes}
    tasks = {name: state for name, state, _ in by_name["pull_business"]["tasks"]}
    assert tasks == {f"pull_business.{task}": "success" for task in ("plan", "pull", "announce", "all_pulled")}
    ((alert, exit_code),) = by_name["pull_mastodon"]["alerts"]
    assert ("platform:mastodon" in alert, exit_code) == (True, 1)
    assert by_name["pull_business"]["alerts"] == []
    assert not (airflow_home / "lanes").exists()
