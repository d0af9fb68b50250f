"""Only marts that a gate has passed are published, by whatever door: the command line by hand, a task cleared in the grid, a run beside another."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

import duckdb
import pytest
from published_marts import AS_OF, pass_marts, read_contracts, record_built, record_judged, write_marts

from fifty import serving
from fifty.building import find_footing
from fifty.config import Brand
from fifty.errors import FatalError, GateFailed
from fifty.landing import LoadKey, LoadWriter, Window
from fifty.pipeline import BrandRun, end_of_day, name_run
from fifty.publish import list_versions, read_current_version, run_publish, switch_version
from fifty.settings import Settings
from fifty.transform import EVERYTHING_KNOWN
from fifty.warehouse import BrandPaths, connect, lock_brand

SOME = {name: model for name, model in read_contracts().items() if name in ("engagement.posts", "relationships.people", "ops.parameters")}
ROW = (
    "insert into ops.gate_results (gate_run_id, stage, suite, table_name, expectation_id, severity, outcome, as_of_date)"
    f" values (?, ?, 'marts/posts', ?, ?, ?, ?, date '{AS_OF}')"
)


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "LEAD_SECONDS", 0.05)
    monkeypatch.setattr(serving, "GRACE_SECONDS", 0.05)


def _record(paths: BrandPaths, settings: Settings, run_id: str, stage: str, severity: str, outcome: str) -> None:
    with lock_brand(paths, settings), connect(paths, settings) as connection:
        connection.execute(ROW, [run_id, stage, "engagement.posts", "no_post_is_counted_twice", severity, outcome])


def _fail_marts(paths: BrandPaths, settings: Settings, run_id: str, outcome: str = "failed") -> None:
    """Build, and be stopped by the gate."""
    write_marts(paths, parameters_version="one", contracts=SOME)
    record_built(paths, settings)
    _record(paths, settings, run_id, "marts", "critical", outcome)
    record_judged(paths, settings, run_id=run_id, is_passed=False)


def _begin_build(paths: BrandPaths, settings: Settings) -> None:
    with lock_brand(paths, settings), connect(paths, settings) as connection:
        find_footing(connection, settings.dbt_project, EVERYTHING_KNOWN)


def _land(paths: BrandPaths, until: datetime) -> None:
    key = LoadKey(paths.brand, "mastodon", "acme", "statuses", Window(None, until))
    with LoadWriter(paths.data, key, kind="events") as writer:
        writer.write({"account": "acme"}, 1, [{"id": "1"}])
        writer.finish(scopes=[], next_state={"watermark": until.isoformat()})


@pytest.mark.parametrize("outcome", ["failed", "errored"])
def test_marts_that_a_critical_expectation_stopped_are_refused(paths: BrandPaths, settings: Settings, outcome: str) -> None:
    _fail_marts(paths, settings, "run-one", outcome)
    with pytest.raises(GateFailed, match="the gate stopped these marts") as caught:
        run_publish(paths, settings, run_id="run-one", as_of=AS_OF)
    assert "no_post_is_counted_twice" in caught.value.seen
    assert list_versions(paths) == []


def test_marts_that_the_gate_stopped_are_refused_also_after_an_hourly_pull_has_given_the_run_another_name(
    paths: BrandPaths, settings: Settings
) -> None:
    brand = Brand.model_validate({"name": "Acme", "accounts": [{"platform": "mastodon", "handle": "acme", "base_url": "https://social.example"}]})
    _land(paths, end_of_day(AS_OF))
    before = name_run(settings, "acme", AS_OF)
    _fail_marts(paths, settings, before)
    _land(paths, end_of_day(AS_OF) + timedelta(hours=1))
    by_hand = BrandRun("acme", brand, settings, AS_OF)
    with pytest.raises(GateFailed, match="the gate stopped these marts"):
        by_hand.publish()
    assert by_hand.run_id != before
    assert list_versions(paths) == []
    # Mended, and judged again under the new name.
    record_judged(paths, settings, run_id=by_hand.run_id)
    by_hand.publish()
    assert len(list_versions(paths)) == 1


@pytest.mark.parametrize(
    ("run_id", "stage", "severity", "outcome"),
    [
        ("run-one", "marts", "warning", "failed"),
        ("run-one", "marts", "critical", "passed"),
        ("run-one", "landed", "critical", "failed"),
        ("run-before", "marts", "critical", "failed"),
    ],
)
def test_warnings_rejected_loads_and_earlier_runs_stop_nothing(
    paths: BrandPaths, settings: Settings, run_id: str, stage: str, severity: str, outcome: str
) -> None:
    write_marts(paths, parameters_version="one", contracts=SOME)
    pass_marts(paths, settings, run_id="run-one")
    _record(paths, settings, run_id, stage, severity, outcome)
    assert run_publish(paths, settings, run_id="run-one", as_of=AS_OF).is_new


def test_marts_that_no_gate_has_judged_are_refused_and_the_remedy_publishes_them(paths: BrandPaths, settings: Settings) -> None:
    write_marts(paths, parameters_version="one", contracts=SOME)
    record_built(paths, settings)
    with pytest.raises(FatalError, match="the gate has not judged these marts") as caught:
        run_publish(paths, settings, run_id="run-one", as_of=AS_OF)
    assert f"fifty gate --marts --brand acme --as-of {AS_OF}" in caught.value.remedy
    assert list_versions(paths) == []
    record_judged(paths, settings, run_id="run-one")
    assert run_publish(paths, settings, run_id="run-one", as_of=AS_OF).is_new


def test_marts_that_another_run_built_between_gate_and_publish_are_refused(paths: BrandPaths, settings: Settings) -> None:
    write_marts(paths, parameters_version="one", contracts=SOME)
    pass_marts(paths, settings, run_id="run-one")
    # The same day and, as nothing has landed since, the same name.
    _begin_build(paths, settings)
    write_marts(paths, parameters_version="two", contracts=SOME)
    record_built(paths, settings)
    with pytest.raises(FatalError, match="the gate has not judged these marts"):
        run_publish(paths, settings, run_id="run-one", as_of=AS_OF)
    assert list_versions(paths) == []


def test_a_record_of_a_build_never_stands_beside_a_verdict_on_another(paths: BrandPaths, settings: Settings) -> None:
    write_marts(paths, parameters_version="one", contracts=SOME)
    pass_marts(paths, settings, run_id="run-one")
    record_built(paths, settings)
    with pytest.raises(FatalError, match="the gate has not judged these marts"):
        run_publish(paths, settings, run_id="run-one", as_of=AS_OF)


@pytest.mark.parametrize(
    ("built", "wanted", "words"),
    [
        ((date(2026, 3, 30), None), (AS_OF, None), ("another day", "2026-03-30", str(AS_OF))),
        ((AS_OF, datetime(2026, 9, 6, 12)), (AS_OF, None), ("known at another instant", "2026-09-06 12:00:00", "9999")),
        ((AS_OF, None), (AS_OF, datetime(2026, 9, 6, 12)), ("known at another instant", "9999", "2026-09-06 12:00:00")),
    ],
    ids=["an_older_day", "less_known", "more_known"],
)
def test_marts_of_another_day_or_knowledge_are_not_published_as_those_asked_for(
    paths: BrandPaths, settings: Settings, built: tuple[date, datetime | None], wanted: tuple[date, datetime | None], words: tuple[str, ...]
) -> None:
    write_marts(paths, parameters_version="one", contracts=SOME, as_of=built[0])
    pass_marts(paths, settings, run_id="run-one", as_of=built[0], known_at=built[1])
    with pytest.raises(FatalError, match=words[0]) as caught:
        run_publish(paths, settings, run_id="run-one", as_of=wanted[0], known_at=wanted[1])
    assert words[1] in caught.value.seen
    assert words[2] in caught.value.expected
    assert "fifty transform" in caught.value.remedy
    assert list_versions(paths) == []
    # As what they are, they may be.
    assert run_publish(paths, settings, run_id="run-one", as_of=built[0], known_at=built[1]).is_new


def _build_by_hand(paths: BrandPaths, settings: Settings) -> None:
    # What the macro forget_build does, where somebody runs dbt without Fifty.
    with lock_brand(paths, settings), connect(paths, settings) as connection:
        connection.execute("delete from ops.built")


@pytest.mark.parametrize("begin", [_begin_build, _build_by_hand])
def test_marts_are_refused_where_a_build_began_and_did_not_end(
    paths: BrandPaths, settings: Settings, begin: Callable[[BrandPaths, Settings], None]
) -> None:
    write_marts(paths, parameters_version="one", contracts=SOME)
    pass_marts(paths, settings, run_id="run-one")
    begin(paths, settings)
    with pytest.raises(FatalError, match="no finished marts") as caught:
        run_publish(paths, settings, run_id="run-one", as_of=AS_OF)
    assert f"fifty transform --brand acme --as-of {AS_OF}" in caught.value.remedy
    with pytest.raises(FatalError, match="no finished marts"):
        record_judged(paths, settings, run_id="run-one")
    assert list_versions(paths) == []


def test_a_publish_after_a_kill_takes_up_the_verdict_whatever_its_run_is_called_and_again_makes_nothing_new(
    paths: BrandPaths, settings: Settings
) -> None:
    write_marts(paths, parameters_version="one", contracts=SOME)
    record_built(paths, settings)
    _record(paths, settings, "run-one", "marts", "critical", "passed")
    record_judged(paths, settings, run_id="run-one")
    # Killed here; meanwhile a pull has ended, and the next run has another name.
    first = run_publish(paths, settings, run_id="run-two", as_of=AS_OF)
    again = run_publish(paths, settings, run_id="run-two", as_of=AS_OF)
    under_its_own = run_publish(paths, settings, run_id="run-one", as_of=AS_OF)
    assert (first.is_new, again.is_new, under_its_own.is_new) == (True, False, False)
    with duckdb.connect(str(paths.published / "marts.duckdb"), read_only=True) as reader:
        assert reader.execute("select stage, expectation_id, outcome from ops.gate_results").fetchall() == [
            ("marts", "no_post_is_counted_twice", "passed")
        ]


def test_going_back_asks_no_gate(paths: BrandPaths, settings: Settings) -> None:
    ids = []
    for word in ("one", "two"):
        write_marts(paths, parameters_version=word, contracts=SOME)
        pass_marts(paths, settings, run_id=f"run-{word}")
        ids.append(run_publish(paths, settings, run_id=f"run-{word}", as_of=AS_OF).publish_id)
    _begin_build(paths, settings)
    assert switch_version(paths, settings, ids[0]).is_switched
    assert read_current_version(paths) == ids[0]


def test_a_work_file_from_before_verdicts_is_migrated_and_its_marts_have_to_be_judged(paths: BrandPaths, settings: Settings) -> None:
    write_marts(paths, parameters_version="one", contracts=SOME)
    pass_marts(paths, settings, run_id="run-one")
    with duckdb.connect(str(paths.warehouse)) as connection:
        connection.execute("drop table ops.marts_verdict; update ops.schema_version set version = 2, made_by = '0.1'")
    with pytest.raises(FatalError, match="the gate has not judged these marts") as caught:
        run_publish(paths, settings, run_id="run-one", as_of=AS_OF)
    assert "fifty gate --marts" in caught.value.remedy
    record_judged(paths, settings, run_id="run-one")
    assert run_publish(paths, settings, run_id="run-one", as_of=AS_OF).is_new
