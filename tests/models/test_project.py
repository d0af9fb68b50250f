"""The project as a whole: sources as declared, layers forward, contracts, descriptions, parameters, the unit tests of the models."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from fifty.settings import PROJECT_ROOT
from fifty.warehouse import read_tables
from tests.models.conftest import Brand

PROJECT = PROJECT_ROOT / "dbt_project"
LAYERS = {"staging": 0, "intermediate": 1, "marts": 2}
PLAIN_TYPES = {"string", "bigint", "double", "boolean", "date", "timestamp"}


def list_models(manifest: dict[str, Any]) -> dict[str, Any]:
    return {name: node for name, node in manifest["nodes"].items() if node["resource_type"] == "model"}


def list_marts(manifest: dict[str, Any]) -> dict[str, Any]:
    return {name: node for name, node in list_models(manifest).items() if node["fqn"][1] == "marts"}


def test_sources_are_the_tables_that_fifty_writes() -> None:
    declared = yaml.safe_load((PROJECT / "models/staging/sources.yml").read_text(encoding="utf-8"))["sources"]
    found = {
        f"{source['schema']}.{table['name']}": [(column["name"], column["data_type"]) for column in table["columns"]]
        for source in declared
        for table in source["tables"]
    }
    assert found == {name: [(column.name, column.type) for column in table.columns] for name, table in read_tables().items()}


def test_every_staging_table_has_its_model_and_its_columns(manifest: dict[str, Any]) -> None:
    for full_name, table in read_tables().items():
        if table.schema == "staging":
            text = (PROJECT / f"models/staging/stg_{table.name}.sql").read_text(encoding="utf-8")
            own = [
                name
                for name in table.column_names
                if name not in {"platform", "source_account_id", "load_id", "page", "seq", "observed_at", "scope_key"}
            ]
            missing = [name for name in own if f"'{name}'" not in text]
            assert not missing, f"{full_name}: {missing}"
            assert f"model.fifty.stg_{table.name}" in manifest["nodes"]


def test_no_arrow_points_back(manifest: dict[str, Any]) -> None:
    models = list_models(manifest)
    backwards = [
        f"{name} reads {parent}"
        for name, node in models.items()
        for parent in node["depends_on"]["nodes"]
        if parent in models and LAYERS[models[parent]["fqn"][1]] > LAYERS[node["fqn"][1]]
    ]
    assert not backwards


def test_marts_read_staging_tables_only_through_models(manifest: dict[str, Any]) -> None:
    direct = [
        f"{name} reads {parent}"
        for name, node in list_marts(manifest).items()
        for parent in node["depends_on"]["nodes"]
        if parent.startswith("source.fifty.staging.")
    ]
    assert not direct


def test_marts_are_those_of_the_design(manifest: dict[str, Any]) -> None:
    # One line a subject, so that two branches can add to it.
    wanted = {
        "engagement": [
            "posts engagement_daily audience_daily conversations response_times response_summary share_of_voice_weekly brand_accounts calendar",
            "reach_weekly cascades push_back calls_to_action feedback_summary post_rates",
            "campaigns campaign_retention campaign_entrants",
            "feedback",
        ],
        "relationships": [
            "people handles relationship_strength strength_evidence living_relationships_daily living_people the_fifty",
            "the_fifty_changes",
            "referrals value_and_roi fifty_versus_crowd concentration",
            "follower_quality audience_quality funnel network_overlap outreach outreach_summary goals",
            "claims",
            "influence influence_summary advocates advocacy_summary",
            "responder_capacity lifecycle lifecycle_monthly relationship_history living_relationships_history living_relationships_tree",
        ],
        "ops": ["start_here completeness parameters calibration sensitivity metric_availability"],
    }
    found = {f"{node['schema']}.{node['name']}" for node in list_marts(manifest).values()}
    assert found == {f"{schema}.{name}" for schema, lines in wanted.items() for line in lines for name in line.split()}


def test_every_mart_has_a_contract_a_key_test_a_grain_and_described_columns(manifest: dict[str, Any]) -> None:
    mistakes = []
    key_tests = {
        node["attached_node"]: node["test_metadata"]["kwargs"]["columns"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and node["test_metadata"]["name"] == "identifies_rows"
    }
    for name, node in list_marts(manifest).items():
        meta = node["config"]["meta"]
        if not node["config"]["contract"]["enforced"]:
            mistakes.append(f"{name}: no contract")
        if not re.match(r"One row per .+?[.:]", node["description"]):
            mistakes.append(f"{name}: the first sentence is not its grain")
        if key_tests.get(name) != meta["key"]:
            mistakes.append(f"{name}: key test {key_tests.get(name)}, key {meta['key']}")
        if not {"as_of_date", "parameters_version"} <= set(node["columns"]):
            mistakes.append(f"{name}: no as_of_date or parameters_version")
        for column, spec in node["columns"].items():
            if not spec["description"] or not spec["config"]["meta"].get("unit"):
                mistakes.append(f"{name}.{column}: no description or unit")
            if spec["data_type"] not in PLAIN_TYPES:
                mistakes.append(f"{name}.{column}: type {spec['data_type']}")
            if column.endswith("_at") != (spec["data_type"] == "timestamp") or column.endswith("_date") != (spec["data_type"] == "date"):
                mistakes.append(f"{name}.{column}: the name does not say {spec['data_type']}")
            if column.startswith(("is_", "has_")) != (spec["data_type"] == "boolean"):
                mistakes.append(f"{name}.{column}: the name does not say {spec['data_type']}")
        names = set(node["columns"])
        if "display_name" in names and "profile_url" not in names:
            mistakes.append(f"{name}: a name without its page")
    assert not mistakes


def test_descriptions_and_plain_types_are_in_the_file(built: Brand) -> None:
    rows = built.read("select schema_name, table_name, column_name, data_type, comment from duckdb_columns() where database_name = 'marts'")
    assert len(rows) > 400
    assert [row for row in rows if not row["comment"]] == []
    assert {row["data_type"] for row in rows} <= {"VARCHAR", "BIGINT", "DOUBLE", "BOOLEAN", "DATE", "TIMESTAMP"}
    tables = built.read("select comment from duckdb_tables() where database_name = 'marts'")
    assert all(row["comment"].startswith("One row per ") for row in tables)


def test_every_parameter_is_documented_and_used() -> None:
    with (PROJECT / "seeds/parameter_defaults.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    listed = re.findall(r"'(\w+)'", (PROJECT / "macros/parameters.sql").read_text(encoding="utf-8"))
    assert sorted(row["parameter_name"] for row in rows) == listed
    assert all(row[column] for row in rows for column in row)
    assert {row["evidence_label"] for row in rows} <= {"C", "C2", "M", "J", "measured"}
    sql = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("models", "macros")
        for path in (PROJECT / folder).rglob("*.sql")
        if path.name != "parameters.sql"
    )
    # The pages read a few themselves.
    python = "\n".join(path.read_text(encoding="utf-8") for path in (PROJECT_ROOT / "fifty").glob("*.py"))
    assert [name for name in listed if not re.search(rf"\b{name}\b", sql + python)] == []


def test_no_model_reads_a_clock_or_chance() -> None:
    forbidden = re.compile(
        r"\b(now|current_date|current_timestamp|today|random|uuid|approx_count_distinct|mode)\s*\(|current_timestamp|current_date", re.IGNORECASE
    )
    found = [
        path.name
        for folder in ("models", "macros")
        for path in (PROJECT / folder).rglob("*.sql")
        if forbidden.search(path.read_text(encoding="utf-8"))
    ]
    assert not found


def test_no_join_on_equality_is_a_loop_over_all_pairs(built: Brand, manifest: dict[str, Any]) -> None:
    """An outer join that also filters its left side (`on left.kind = 'x' and left.key = right.key`) is planned as one: a square at a million events."""

    def find_loops(node: dict[str, Any]) -> list[str]:
        info = node.get("extra_info", {})
        found = [loop for child in node.get("children", []) for loop in find_loops(child)]
        condition = str(info.get("Conditions") or info.get("Condition"))
        if node["name"].strip() == "BLOCKWISE_NL_JOIN" and re.search(r"[^<>!]= ?\(?[a-z_]+_(key|id)\b", condition):
            found.append(condition)
        return found

    loops = {}
    with duckdb.connect(str(built.paths.warehouse)) as connection:
        connection.execute(f"attach '{built.paths.marts}' as marts (read_only)")
        for model in list_models(manifest).values():
            compiled = built.paths.dbt_target / "compiled" / "fifty" / model["original_file_path"]
            plan = connection.execute("explain (format json) " + compiled.read_text(encoding="utf-8")).fetchall()[-1][1]
            if found := [loop for node in json.loads(plan) for loop in find_loops(node)]:
                loops[model["name"]] = found
    assert not loops


def test_the_questions_are_answered_by_their_queries(built: Brand) -> None:
    rows = built.read("select question_number, question, mart, query, grain, not_for from marts.ops.start_here order by question_number")
    marts = built.read("select schema_name || '.' || table_name as mart from duckdb_tables() where database_name = 'marts'")
    assert {row["mart"] for row in rows} == {row["mart"] for row in marts}
    # T11 has one network, no trouble and nobody who was written to: the questions after such things have no answer in it.
    silent = {
        "ops.completeness",
        "ops.parameters",
        "relationships.the_fifty_changes",
        "ops.calibration",
        "engagement.campaign_entrants",
        "engagement.feedback",
    } | {
        f"relationships.{name}"
        for name in (
            "network_overlap",
            "living_people",
            "follower_quality",
            "outreach",
            "handles",
            "people",
            "lifecycle",
            "lifecycle_monthly",
            "the_fifty_changes",
        )
    }
    empty = set()
    for row in rows:
        query = re.sub(r"\b(engagement|relationships|ops)\.(\w+)", r"marts.\1.\2", row["query"])
        assert f"marts.{row['mart']}" in query, row["question"]
        assert row["grain"] and row["not_for"], row["question"]
        if not built.read(query):
            empty.add(row["mart"])
    assert empty <= silent


@pytest.mark.slow
def test_the_unit_tests_of_the_models_pass(built: Brand, tmp_path: Path) -> None:
    # A process of its own: dbt's unit tests read column types from the built file, and print what differs.
    environment = os.environ | {
        "FIFTY_WAREHOUSE": str(built.paths.warehouse),
        "FIFTY_MARTS": str(built.paths.marts),
        "FIFTY_RUN_AS_OF": "2026-10-31",
    }
    command = [
        str(Path(sys.executable).with_name("dbt")),
        "test",
        "--select",
        "test_type:unit",
        "--project-dir",
        str(PROJECT),
        "--profiles-dir",
        str(PROJECT),
    ]
    done = subprocess.run(
        [*command, "--target-path", str(tmp_path), "--log-path", str(tmp_path), "--no-use-colors"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    passed = re.findall(r"\d+ of \d+ PASS ", done.stdout)
    written = sum(path.read_text(encoding="utf-8").count("\n    model: ") for path in (PROJECT / "models").rglob("*unit_tests.yml"))
    assert len(passed) == written > 0
