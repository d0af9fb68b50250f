"""The DAG files: they import, say what they are, depend on each other as drawn, and hold order, schedule, retries and pools only."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import textwrap
import time
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from fifty.errors import CredentialError, FatalError, GateFailed, RetryableError, SettingsError

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(path.name for path in (ROOT / "dags").glob("*.py"))
EXPECTED = {
    *(f"pull_{platform}" for platform in ("mastodon", "bluesky", "business", "config")),
    *(f"{kind}_{brand}" for kind in ("warehouse", "extracts") for brand in ("acme", "other")),
    "maintenance",
}
# A file that must be parsed every minute; what Airflow itself takes to be imported is no fault of ours.
LONGEST_PARSE_SECONDS = 1.0


def test_all_files_import_and_give_exactly_the_dags_that_the_configuration_asks_for(dag_bag: Any) -> None:
    assert dag_bag.import_errors == {}
    assert set(dag_bag.dags) == EXPECTED


@pytest.mark.parametrize("file", FILES)
def test_a_file_is_parsed_within_a_second(dag_bag: Any, file: str) -> None:
    from airflow.dag_processing.dagbag import DagBag

    started = time.process_time()
    assert DagBag(str(ROOT / "dags" / file)).import_errors == {}
    assert time.process_time() - started < LONGEST_PARSE_SECONDS


@pytest.fixture
def agency(airflow_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Forty brands with ten accounts each; their slugs."""
    accounts = [{"platform": "mastodon", "handle": f"person{number}", "base_url": "https://beans.example"} for number in range(10)]
    slugs = [f"brand-{number:02}" for number in range(40)]
    brands = {slug: {"name": slug, "timezone": "Europe/Berlin", "accounts": accounts} for slug in slugs}
    (tmp_path / "fifty.yml").write_text(yaml.safe_dump({"brands": brands}), encoding="utf-8")
    monkeypatch.setenv("FIFTY_CONFIG", str(tmp_path / "fifty.yml"))
    return slugs


@pytest.mark.parametrize("file", FILES)
def test_a_file_is_parsed_within_a_second_where_an_agency_has_forty_brands_too(agency: list[str], file: str) -> None:
    from airflow.dag_processing.dagbag import DagBag

    def measure() -> float:
        started = time.process_time()
        bag = DagBag(str(ROOT / "dags" / file))
        assert bag.import_errors == {}
        if file == "warehouse.py":
            assert set(bag.dags) == {f"warehouse_{slug}" for slug in agency}
        return time.process_time() - started

    assert min(measure() for _ in range(3)) < LONGEST_PARSE_SECONDS


@pytest.mark.parametrize(("file", "wanted"), [("warehouse.py", "warehouse_acme"), ("extracts.py", "extracts_other"), ("pull.py", "pull_bluesky")])
def test_a_task_reads_of_its_file_only_its_own_dag(dag_bag: Any, file: str, wanted: str) -> None:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk.definitions._internal.dag_parsing_context import _airflow_parsing_context_manager

    with _airflow_parsing_context_manager(dag_id=wanted, task_id="any"):
        assert set(DagBag(str(ROOT / "dags" / file)).dags) == {wanted}


def test_parsing_imports_nothing_heavy(airflow_home: Path) -> None:
    program = textwrap.dedent("""
        import json, sys
        from airflow.dag_processing.dagbag import DagBag
        before = set(sys.modules)
        bag = DagBag(sys.argv[1])
        assert not bag.import_errors, bag.import_errors
        print(json.dumps(sorted(set(sys.modules) - before)))
    """)
    done = subprocess.run(
        [sys.executable, "-c", program, str(ROOT / "dags")], capture_output=True, text=True, env=os.environ, check=True, timeout=120
    )
    loaded = {name.split(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}
    assert loaded.isdisjoint({"duckdb", "dbt", "great_expectations", "pyarrow", "pandas", "numpy"})


def test_what_is_begun_for_a_brand_is_finished_before_another_begins(dag_bag: Any) -> None:
    """With more brands than slots, or the marts of all would be as late as those of the last."""
    from airflow.task.priority_strategy import validate_and_load_priority_weight_strategy

    tasks = [dag_bag.dags["warehouse_acme"].get_task(stage) for stage in ("begin", "land", "gate_landed", "transform", "gate_marts", "publish")]
    weights = [validate_and_load_priority_weight_strategy(task.weight_rule).get_weight(SimpleNamespace(task=task)) for task in tasks]
    assert weights == sorted(set(weights))


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_dag_has_owner_tags_retries_and_says_what_it_does(dag_bag: Any, name: str) -> None:
    from airflow.sdk import ExceptionRetryPolicy

    dag = dag_bag.dags[name]
    assert dag.doc_md
    assert any(tag.startswith("stage:") for tag in dag.tags)
    assert not dag.catchup
    assert dag.max_active_runs == 1
    for key in dag.params:
        assert dag.params.get_param(key).description, f"{key} of {name} is not explained"
    for task in dag.tasks:
        assert task.owner == "fifty"
        assert isinstance(task.retry_policy, ExceptionRetryPolicy)
        assert task.on_failure_callback
        if task.task_type != "EmptyOperator":
            assert task.doc or task.doc_md or task.python_callable.__doc__, f"{task.task_id} of {name} has no docstring"


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_dag_has_no_cycle(dag_bag: Any, name: str) -> None:
    dag_bag.dags[name].check_cycle()


def test_the_order_follows_from_the_assets_alone(dag_bag: Any) -> None:
    from scheduler.order import find_waves

    order = [name for wave in find_waves(dag_bag.dags) for name in wave]
    assert set(order) == EXPECTED - {"maintenance"}
    for brand in ("acme", "other"):
        place = {kind: order.index(f"{kind}_{brand}") for kind in ("warehouse", "extracts")}
        assert place["warehouse"] < place["extracts"]
        assert order.index("pull_bluesky") < place["warehouse"]
        assert order.index("pull_config") < place["warehouse"]


def test_no_dag_of_a_wave_waits_for_another_of_it(dag_bag: Any) -> None:
    from scheduler.order import find_waves

    assert find_waves(dag_bag.dags) == [
        ["pull_bluesky", "pull_business", "pull_config", "pull_mastodon"],
        ["warehouse_acme", "warehouse_other"],
        ["extracts_acme", "extracts_other"],
    ]


def test_a_brand_without_an_account_on_a_platform_is_not_pulled_there(dag_bag: Any) -> None:
    from scheduler.order import list_produced

    assert list_produced(dag_bag.dags["pull_mastodon"]) == {"fifty://acme/landing"}
    assert list_produced(dag_bag.dags["pull_bluesky"]) == {"fifty://acme/landing", "fifty://other/landing"}


def test_no_two_pulls_announce_by_the_same_alias(dag_bag: Any) -> None:
    # Airflow gives up, without another try, on the later of two tasks that use an alias for the first time at once.
    aliases = [outlet.name for name in sorted(EXPECTED) if name.startswith("pull_") for outlet in dag_bag.dags[name].get_task("announce").outlets]
    assert len(aliases) == len(set(aliases)) > len(dag_bag.dags["pull_bluesky"].get_task("announce").outlets)


def test_every_writing_task_waits_for_the_writer_pool(dag_bag: Any) -> None:
    assert {task.pool for task in dag_bag.dags["warehouse_acme"].tasks} == {"warehouse_writer"}


def test_the_stages_of_a_brand_run_in_the_order_of_the_flow(dag_bag: Any) -> None:
    dag = dag_bag.dags["warehouse_acme"]
    stages = ["land", "gate_landed", "transform", "gate_marts", "publish"]
    for earlier, later in pairwise(stages):
        assert later in dag.get_task(earlier).downstream_task_ids
    assert [asset.uri for asset in dag.get_task("publish").outlets] == ["fifty://acme/marts"]


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (RetryableError("busy"), "retry"),
        (FatalError("broken"), "fail"),
        (CredentialError("expired"), "fail"),
        (SettingsError("wrong"), "fail"),
        (GateFailed("stopped"), "fail"),
        (ValueError("a defect"), "default"),
    ],
)
def test_what_the_world_caused_is_tried_again_and_what_a_human_must_mend_is_not(dag_bag: Any, error: Exception, action: str) -> None:
    policy = dag_bag.dags["warehouse_acme"].get_task("land").retry_policy
    assert policy.evaluate(error, 1, 2).action.value == action


def test_an_alert_says_brand_stage_load_and_remedy_in_one_line(dag_bag: Any, caplog: pytest.LogCaptureFixture) -> None:
    from scheduler.defaults import alert_failure

    error = GateFailed("marts failed", where="acme/gate/20260331", seen="0 rows", expected="at least 1", remedy="see ops.gate_results")
    task = SimpleNamespace(task_id="gate_marts", map_index=-1)
    logging.getLogger("fifty").propagate = True
    with caplog.at_level(logging.ERROR, "fifty.alerts"):
        alert_failure({"task_instance": task, "exception": error, "dag": dag_bag.dags["warehouse_acme"], "run_id": "manual__1"})
    (record,) = caplog.records
    for word in ("brand:acme", "stage:gate_marts", "acme/gate/20260331", "remedy: see ops.gate_results"):
        assert word in record.getMessage()
    assert "\n" not in record.getMessage()
    assert record.exit_code == 3  # type: ignore[attr-defined]


def test_a_wrong_configuration_is_an_import_error_that_names_every_mistake(
    airflow_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from airflow.dag_processing.dagbag import DagBag

    wrong = tmp_path / "fifty.yml"
    wrong.write_text("brands: {acme: {name: Acme, timezone: Nowhere, currency: x, accounts: []}}", encoding="utf-8")
    monkeypatch.setenv("FIFTY_CONFIG", str(wrong))
    (text,) = DagBag(str(ROOT / "dags" / "pull.py")).import_errors.values()
    for place in ("timezone", "currency", "accounts"):
        assert f"brands.acme.{place}" in text


def test_the_pipeline_never_imports_airflow_and_the_rule_that_says_so_bites(tmp_path: Path) -> None:
    ruff = [str(Path(sys.executable).with_name("ruff")), "check", "--no-cache", "--select", "TID251", "--config", str(ROOT / "pyproject.toml")]
    done = subprocess.run([*ruff, "fifty"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    (tmp_path / "stage.py").write_text("from airflow.sdk import DAG\n", encoding="utf-8")
    done = subprocess.run([*ruff, str(tmp_path / "stage.py")], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "never imports its orchestration" in done.stdout


def test_the_kind_of_a_run_is_known_to_tasks_and_to_runs_in_one_process(dag_bag: Any) -> None:
    from airflow.sdk.api.datamodels._generated import DagRunType as TypeInTask
    from airflow.utils.types import DagRunType as TypeInDatabase

    from scheduler.defaults import is_run

    for kind in ("scheduled", "backfill", "manual"):
        for run_type in (TypeInTask(kind), TypeInDatabase(kind), kind):
            context = {"dag_run": SimpleNamespace(run_type=run_type)}
            assert [one for one in ("scheduled", "backfill", "manual", "asset_triggered") if is_run(context, one)] == [kind]
