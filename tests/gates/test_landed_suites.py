"""Every landed suite passes its good sample, and every critical expectation is failed by an input made to break it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb
import pytest
from landed_world import read_sample

from fifty.gate import Check, Suite, _LandedGate, _list_pending, _open_checker, gate_landed, load_suites, read_landed_contracts
from fifty.settings import PROJECT_ROOT, Settings
from fifty.warehouse import BrandPaths, connect

CONTRACTS = read_landed_contracts()
SUITES = {suite.suite: suite for suite in load_suites(PROJECT_ROOT / "expectations" / "landed", CONTRACTS)}
BROKEN = read_sample("landed_broken.yml")
SHARED = BROKEN.pop("landed/_every")
CASES = [(suite, one, sql) for suite, broken in BROKEN.items() for one, sql in broken.items()] + [
    (suite.suite, one, sql.replace("{table}", suite.table.split(".")[1])) for suite in SUITES.values() for one, sql in SHARED.items()
]


@dataclass
class Bench:
    """The good world open once; `check` looks at it after some SQL, and everything is put back."""

    paths: BrandPaths
    connection: duckdb.DuckDBPyConnection
    gate: _LandedGate

    def check_all(self, suite: Suite, sql: str = "") -> dict[str, Check]:
        with self.broken(sql):
            return {check.expectation_id: check for check in self.gate._validate(self.gate.pending, [suite])}

    def check_one(self, suite: Suite, expectation: str, sql: str) -> Check:
        table = suite.table.split(".")[1]
        row_count = sum(self.gate._count_expected(load).get(table, 0) for load in self.gate.pending)
        one = next(one for one in suite.expectations if one.id == expectation)
        with self.broken(sql):
            self.gate._choose(self.gate.pending)
            return self.gate.checker.validate(suite, f"pending.{table}", row_count=row_count, expectations=[one])[0]

    @contextmanager
    def broken(self, sql: str) -> Iterator[None]:
        tables = [table for table in [*CONTRACTS, "ops.loads"] if table in sql]
        try:
            self.connection.execute(sql or "select 1")
            self.gate._collect_items()
            yield
        finally:
            for table in tables:
                self.connection.execute(f"truncate {table}; insert into {table} select * from backup.{table}")


@pytest.fixture(scope="module")
def bench(settings: Settings, good_brand: BrandPaths) -> Iterator[Bench]:
    import shutil

    paths = BrandPaths(settings.data, "bench")
    shutil.copytree(good_brand.root, paths.root)
    with connect(paths, settings) as connection:
        connection.execute("attach ':memory:' as backup; create schema backup.staging; create schema backup.ops")
        for table in [*CONTRACTS, "ops.loads"]:
            connection.execute(f"create table backup.{table} as select * from {table}")
        with _open_checker(connection, "landed", CONTRACTS) as checker:
            yield Bench(paths, connection, _LandedGate(paths, connection, checker, list(SUITES.values()), _list_pending(connection)))


@pytest.mark.parametrize("suite", SUITES)
def test_good_sample_passes_everything(bench: Bench, suite: str) -> None:
    found = bench.check_all(SUITES[suite])
    assert [check.words for check in found.values() if check.outcome != "passed"] == []
    assert list(found) == [one.id for one in SUITES[suite].expectations]
    assert max(check.checked_count or 0 for check in found.values()) > 0


@pytest.mark.parametrize(("suite", "expectation", "sql"), CASES, ids=[f"{suite}-{one}" for suite, one, _ in CASES])
def test_broken_input_fails_the_expectation_made_for_it(bench: Bench, suite: str, expectation: str, sql: str) -> None:
    check = bench.check_one(SUITES[suite], expectation, sql)
    assert check.outcome == "failed", check.words
    assert check.observed_value
    assert check.remedy and expectation in check.words


def test_a_short_read_whose_note_says_whom_the_platform_counts_besides_is_no_warning(bench: Bench) -> None:
    short = "update staging.scopes set expected_count = 26, note = 'counted, not listed: 1' where stream = 'followers'"
    assert bench.check_one(SUITES["landed/scopes"], "complete_read_brought_what_was_promised", short).outcome == "passed"


def test_every_critical_expectation_has_a_broken_input() -> None:
    covered = {(suite, one) for suite, one, _ in CASES} | {(suite, "every_column_is_there") for suite in SUITES}
    wanted = {(suite.suite, one.id) for suite in SUITES.values() for one in suite.expectations}
    assert wanted - covered == set()
    assert covered - wanted == set()


@pytest.mark.parametrize("suite", SUITES)
def test_empty_batch_fails_by_its_row_count_when_rows_were_landed(bench: Bench, suite: str) -> None:
    table = SUITES[suite].table
    check = bench.check_all(SUITES[suite], f"delete from {table}")["row_count_is_what_was_landed"]
    assert (check.outcome, check.severity) == ("failed", "critical")
    assert check.observed_value == "0"


@pytest.mark.parametrize("suite", SUITES)
def test_missing_column_errors_what_reads_it_and_fails_nothing(bench: Bench, suite: str) -> None:
    table = SUITES[suite].table
    column = "is_complete" if table == "staging.scopes" else CONTRACTS[table].key[-1]
    column = "post_id" if column == "observed_at" and "post_id" in CONTRACTS[table].columns else column
    column = "account_id" if column == "observed_at" else column
    view = f"pending.{table.split('.')[1]}"
    whole = bench.connection.execute(f"select sql from duckdb_views() where database_name = 'gate' and '{view}' = schema_name || '.' || view_name")
    definition = whole.fetchall()[0][0]
    bench.connection.execute(
        f"create or replace view gate.{view} as select * exclude ({column}) from ({definition[definition.index(' AS ') + 4 :].rstrip(';')})"
    )
    try:
        found = bench.check_all(SUITES[suite])
    finally:
        bench.connection.execute(definition.replace("CREATE VIEW ", "create or replace view gate.", 1))
    assert found["every_column_is_there"].outcome == "errored"
    assert column in (found["every_column_is_there"].observed_value or "")
    errored = [check for check in found.values() if check.outcome == "errored"]
    assert len(errored) > 1
    assert all(column in f"{check.detail} {check.observed_value}" for check in errored)
    assert not [check for check in found.values() if check.outcome == "failed"]
    assert found["row_count_is_what_was_landed"].outcome == "passed"


def test_load_that_was_legitimately_empty_is_accepted(settings: Settings, make_brand: Callable[[str], BrandPaths]) -> None:
    from landed_world import land

    paths = make_brand("empty")
    scopes = [{"scope": {"account_id": "101"}, "read_kind": "window", "entity": "mentions", "is_complete": True, "expected_count": 0}]
    with connect(paths, settings) as connection:
        empty = land(
            paths, connection, platform="mastodon", account="101", stream="mentions", end="2026-03-02T00:00:00+00:00", scopes=scopes, items=[]
        )
        connection.execute("update ops.loads set load_status = 'accepted' where load_id <> ?", [empty])
    result = gate_landed(paths, settings, run_id="run")
    assert result.accepted == [empty]
