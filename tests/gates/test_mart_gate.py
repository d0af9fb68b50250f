"""Every mart suite passes its good sample and fails what breaks it; a failed gate stores its results, then stops the run."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from landed_world import read_sample
from mart_world import AS_OF, build_marts, read_contract_types
from published_marts import record_built

from fifty.errors import FatalError, GateFailed
from fifty.gate import Check, _Checker, _create_mart_views, _open_checker, gate_marts, load_suites, read_mart_contracts
from fifty.settings import PROJECT_ROOT, Settings
from fifty.warehouse import BrandPaths, connect

DAY = date.fromisoformat(AS_OF)
CONTRACTS = read_mart_contracts(PROJECT_ROOT / "dbt_project")
SUITES = {suite.suite: suite for suite in load_suites(PROJECT_ROOT / "expectations" / "marts", CONTRACTS)}
GOOD, BROKEN = read_sample("marts_good.yml"), read_sample("marts_broken.yml")
SHARED = BROKEN.pop("marts/_every")
COMPARING = [name.split("/")[1] for name, suite in SUITES.items() if any(one.needs for one in suite.expectations)]
CASES = [(suite, one, sql) for suite, broken in BROKEN.items() for one, sql in broken.items()] + [
    (suite.suite, one, sql.replace("{table}", suite.table).replace("{key}", CONTRACTS[suite.table].key[0]))
    for suite in SUITES.values()
    for one, sql in SHARED.items()
    if one in {expectation.id for expectation in suite.expectations}
]


@pytest.fixture(scope="module")
def good_marts(settings: Settings) -> BrandPaths:
    paths = BrandPaths(settings.data, "marts")
    build_marts(paths.marts, GOOD)
    record_built(paths, settings, as_of=DAY)
    return paths


@pytest.fixture
def make_marts(settings: Settings, good_marts: BrandPaths) -> Iterator[Callable[[str], BrandPaths]]:
    made = []

    def make(name: str) -> BrandPaths:
        paths = BrandPaths(settings.data, name)
        shutil.copytree(good_marts.root, paths.root)
        made.append(paths)
        return paths

    yield make
    for paths in made:
        shutil.rmtree(paths.root)


@pytest.fixture
def choose_suites(settings: Settings, tmp_path: Path) -> Callable[..., Settings]:
    """Settings with these mart suites only: how a gate works does not depend on how many tables it checks."""

    def choose(*names: str) -> Settings:
        folder = tmp_path / "expectations" / "marts"
        folder.mkdir(parents=True)
        for name in ("_every", *names):
            shutil.copy(settings.expectations / "marts" / f"{name}.yml", folder)
        return settings.model_copy(update={"expectations": folder.parent})

    return choose


@dataclass
class Bench:
    """The good marts open once; `check` looks at them after some SQL, and everything is put back."""

    connection: duckdb.DuckDBPyConnection
    checker: _Checker

    def check(self, suite: str, expectation: str | None = None, sql: str = "") -> dict[str, Check]:
        chosen = [one for one in SUITES[suite].expectations if not one.needs and expectation in (None, one.id)]
        with self.broken(sql):
            found = self.checker.validate(SUITES[suite], SUITES[suite].table, row_count=0, expectations=chosen)
        return {check.expectation_id: check for check in found}

    @contextmanager
    def broken(self, sql: str) -> Iterator[None]:
        self.connection.execute("use marts")
        try:
            if sql:
                self.connection.execute(sql)
            yield
        finally:
            for table in CONTRACTS:
                if table in sql:
                    self.connection.execute(f"truncate {table}; insert into {table} select * from backup.{table}")
            self.connection.execute("use warehouse")


@pytest.fixture(scope="module")
def bench(settings: Settings, good_marts: BrandPaths) -> Iterator[Bench]:
    paths = BrandPaths(settings.data, "mart_bench")
    shutil.copytree(good_marts.root, paths.root)
    with connect(paths, settings, attach_marts=True) as connection:
        connection.execute("attach ':memory:' as backup")
        for table in CONTRACTS:
            connection.execute(f"create schema if not exists backup.{table.split('.')[0]}")
            connection.execute(f"create table backup.{table} as select * from marts.{table}")
        with _open_checker(connection, "marts", CONTRACTS, DAY) as checker:
            _create_mart_views(connection, CONTRACTS, list(SUITES.values()))
            yield Bench(connection, checker)


def test_every_mart_has_a_suite() -> None:
    assert set(CONTRACTS) == {suite.table for suite in SUITES.values()}


@pytest.mark.parametrize("suite", SUITES)
def test_good_sample_passes_everything(bench: Bench, suite: str) -> None:
    found = bench.check(suite)
    assert [check.words for check in found.values() if check.outcome != "passed"] == []
    assert GOOD[SUITES[suite].table]


@pytest.mark.parametrize(("suite", "expectation", "sql"), CASES, ids=[f"{suite}-{one}" for suite, one, _ in CASES])
def test_broken_mart_fails_the_expectation_made_for_it(bench: Bench, suite: str, expectation: str, sql: str) -> None:
    check = bench.check(suite, expectation, sql)[expectation]
    assert check.outcome == "failed", check.words
    assert check.observed_value and check.remedy


def test_every_expectation_has_a_broken_input() -> None:
    covered = {(suite, one) for suite, one, _ in CASES} | {(suite, "every_column_is_there") for suite in SUITES}
    # A mart that may be empty cannot fail its row count.
    covered |= {(suite.suite, "mart_has_the_rows_it_must_have") for suite in SUITES.values() if not suite.least_rows}
    wanted = {(suite.suite, one.id) for suite in SUITES.values() for one in suite.expectations if not one.needs}
    assert wanted - covered == set()
    assert covered - wanted == set()


def test_good_marts_pass_and_their_results_are_stored(settings: Settings, make_marts: Callable[[str], BrandPaths]) -> None:
    paths = make_marts("passing")
    result = gate_marts(paths, settings, run_id="run", as_of=DAY)
    assert {check.outcome for check in result.checks} == {"passed"}
    with duckdb.connect(str(paths.warehouse), read_only=True) as connection:
        stored = connection.execute("select count(*), count(distinct (suite, expectation_id)), min(as_of_date) from ops.gate_results").fetchone()
    assert stored == (len(result.checks), len(result.checks), DAY)


def read_verdict(paths: BrandPaths) -> list[tuple[date, str, bool]]:
    """What publish will find: the day of the build that was judged, the run, whether it passed."""
    with duckdb.connect(str(paths.warehouse), read_only=True) as connection:
        return connection.execute("select as_of_date, gate_run_id, is_passed from ops.marts_verdict").fetchall()


def test_the_gate_says_of_which_build_it_is_and_whether_that_passed(
    choose_suites: Callable[..., Settings], make_marts: Callable[[str], BrandPaths]
) -> None:
    paths, settings = make_marts("judged"), choose_suites("people")
    assert read_verdict(paths) == []
    gate_marts(paths, settings, run_id="first", as_of=DAY)
    assert read_verdict(paths) == [(DAY, "first", True)]
    with duckdb.connect(str(paths.marts)) as connection:
        connection.execute("update relationships.people set p_real = 2 where person_id = 'ana'")
    with pytest.raises(GateFailed):
        gate_marts(paths, settings, run_id="second", as_of=DAY)
    assert read_verdict(paths) == [(DAY, "second", False)]


def test_marts_of_another_day_or_of_a_build_that_did_not_end_are_not_judged(
    choose_suites: Callable[..., Settings], make_marts: Callable[[str], BrandPaths]
) -> None:
    paths, settings = make_marts("not_judged"), choose_suites("people")
    with pytest.raises(FatalError, match="another day") as caught:
        gate_marts(paths, settings, run_id="run", as_of=DAY + timedelta(days=1))
    assert (str(DAY) in caught.value.seen, f"--as-of {DAY}" in caught.value.remedy) == (True, True)
    with duckdb.connect(str(paths.warehouse)) as connection:
        connection.execute("delete from ops.built")
    with pytest.raises(FatalError, match="no finished marts"):
        gate_marts(paths, settings, run_id="run", as_of=DAY)
    with duckdb.connect(str(paths.warehouse), read_only=True) as connection:
        assert connection.execute("select count(*) from ops.gate_results").fetchone() == (0,)
    assert read_verdict(paths) == []


def test_failed_gate_stores_all_results_and_names_every_critical_failure(
    choose_suites: Callable[..., Settings], make_marts: Callable[[str], BrandPaths]
) -> None:
    paths, settings = make_marts("failing"), choose_suites("the_fifty", "people", "posts")
    with duckdb.connect(str(paths.marts)) as connection:
        connection.execute("update relationships.the_fifty set p_real = 0.1; update relationships.people set p_real = 2 where person_id = 'ana'")
        connection.execute("update engagement.posts set author_handle = 'ana', author_profile_url = null where post_id = '2'")
    with pytest.raises(GateFailed) as caught:
        gate_marts(paths, settings, run_id="run", as_of=DAY)
    text = str(caught.value)
    assert caught.value.exit_code == 3
    for part in ("2 critical", "everybody_on_the_list_is_probably_real", "p_real_lies_between_0_and_1", "at most 1", "remedy:", "failing"):
        assert part in text, part
    assert "every_name_has_a_profile_url" not in text
    with duckdb.connect(str(paths.warehouse), read_only=True) as connection:
        failed = connection.execute("select severity, count(*) from ops.gate_results where outcome = 'failed' group by all").fetchall()
    assert dict(failed) == {"critical": 2, "warning": 1}


def test_mart_that_is_not_there_or_lacks_a_column_errors_and_stops_the_run(
    choose_suites: Callable[..., Settings], make_marts: Callable[[str], BrandPaths]
) -> None:
    paths, settings = make_marts("lacking"), choose_suites("the_fifty", "calendar", "start_here")
    with duckdb.connect(str(paths.marts)) as connection:
        connection.execute("drop table relationships.the_fifty; alter table engagement.calendar drop column opens_at")
    with pytest.raises(GateFailed, match="opens_at"):
        gate_marts(paths, settings, run_id="run", as_of=DAY)
    with duckdb.connect(str(paths.warehouse), read_only=True) as connection:
        rows = connection.execute("select suite, outcome, count(*) from ops.gate_results where outcome <> 'passed' group by all").fetchall()
    assert {(suite, outcome) for suite, outcome, _ in rows} == {
        ("marts/the_fifty", "errored"),
        ("marts/calendar", "errored"),
        ("marts/start_here", "failed"),  # it leads to a mart that is not there
    }


def publish(paths: BrandPaths) -> Path:
    """What the publish stage leaves: a version and `current` that leads to it."""
    version = paths.published / "versions" / "v1"
    version.mkdir(parents=True)
    shutil.copyfile(paths.marts, version / "marts.duckdb")
    (version / "marts.duckdb").chmod(0o444)
    (paths.published / "current").symlink_to(version)
    return version / "marts.duckdb"


def test_posts_that_vanish_since_the_last_publish_stop_the_run(
    choose_suites: Callable[..., Settings], make_marts: Callable[[str], BrandPaths]
) -> None:
    paths, settings = make_marts("vanished"), choose_suites("posts")
    publish(paths)
    with duckdb.connect(str(paths.marts)) as connection:
        connection.execute("delete from engagement.posts where kind = 'message'")
    with pytest.raises(GateFailed, match=r"posts_do_not_vanish_without_a_deletion.*published_count 3, row_count 2"):
        gate_marts(paths, settings, run_id="run", as_of=DAY)


def test_a_past_that_differs_from_the_published_one_is_remarked(
    choose_suites: Callable[..., Settings], make_marts: Callable[[str], BrandPaths]
) -> None:
    paths, settings = make_marts("restated"), choose_suites(*COMPARING)
    version = publish(paths)
    version.chmod(0o644)
    with duckdb.connect(str(version)) as connection:
        connection.execute("update relationships.living_relationships_daily set living_count = 20")
    version.chmod(0o444)
    with duckdb.connect(str(paths.marts)) as connection:
        connection.execute("update engagement.posts set post_key = 'm:8', root_post_key = 'm:8' where kind = 'message'")
    failed = {check.expectation_id: check for check in gate_marts(paths, settings, run_id="run", as_of=DAY).checks if check.outcome != "passed"}
    assert set(failed) == {"known_posts_are_still_known", "past_days_stay_as_published", "the_number_does_not_jump"}
    assert {check.severity for check in failed.values()} == {"warning"}
    assert "m:3" in (failed["known_posts_are_still_known"].observed_value or "")


def test_unchanged_marts_pass_every_comparison_and_another_shape_is_not_compared(
    choose_suites: Callable[..., Settings], make_marts: Callable[[str], BrandPaths]
) -> None:
    paths, settings = make_marts("unchanged"), choose_suites(*COMPARING)
    version = publish(paths)
    checks = gate_marts(paths, settings, run_id="run", as_of=DAY).checks
    assert [check for check in checks if check.detail or check.outcome != "passed"] == []
    version.chmod(0o644)
    with duckdb.connect(str(version)) as connection:
        connection.execute("alter table engagement.posts drop column load_seq")
    passed_over = [check for check in gate_marts(paths, settings, run_id="run", as_of=DAY).checks if check.detail]
    assert {check.detail for check in passed_over} == {"not compared: the published table has another shape"}
    assert {check.suite for check in passed_over} == {"marts/posts"}
    with duckdb.connect(str(paths.warehouse), read_only=True) as connection:
        # The second run of the same name replaced what the first had stored.
        assert connection.execute("select count(*) from ops.gate_results").fetchone() == (len(checks),)


def test_sample_names_only_marts_of_the_contracts() -> None:
    assert set(GOOD) == set(read_contract_types())
