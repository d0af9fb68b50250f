"""What a gate has stopped is not published, by whatever door: the command line by hand, or a task cleared in the grid."""

from __future__ import annotations

import pytest
from published_marts import AS_OF, read_contracts, write_marts

from fifty.errors import GateFailed
from fifty.publish import list_versions, run_publish
from fifty.settings import Settings
from fifty.warehouse import BrandPaths, connect, lock_brand

SOME = {name: model for name, model in read_contracts().items() if name in ("engagement.posts", "relationships.people", "ops.parameters")}
ROW = (
    "insert into ops.gate_results (gate_run_id, stage, suite, table_name, expectation_id, severity, outcome) values (?, ?, 'marts/posts', ?, ?, ?, ?)"
)


def _record(paths: BrandPaths, settings: Settings, run_id: str, stage: str, severity: str, outcome: str) -> None:
    with lock_brand(paths, settings), connect(paths, settings) as connection:
        connection.execute(ROW, [run_id, stage, "engagement.posts", "no_post_is_counted_twice", severity, outcome])


@pytest.mark.parametrize("outcome", ["failed", "errored"])
def test_marts_that_a_critical_expectation_stopped_are_refused(paths: BrandPaths, settings: Settings, outcome: str) -> None:
    write_marts(paths, parameters_version="one", contracts=SOME)
    _record(paths, settings, "run-one", "marts", "critical", outcome)
    with pytest.raises(GateFailed, match="the gate stopped these marts") as caught:
        run_publish(paths, settings, run_id="run-one", as_of=AS_OF)
    assert "no_post_is_counted_twice" in caught.value.seen
    assert list_versions(paths) == []


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
    _record(paths, settings, run_id, stage, severity, outcome)
    assert run_publish(paths, settings, run_id="run-one", as_of=AS_OF).is_new
