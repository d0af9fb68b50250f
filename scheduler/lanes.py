"""DAGs side by side: what one wave of the order holds, each in a process of its own that was forked from this one.

parsed DAGs, names of a wave → forked processes, each with a copy of Airflow's database → what each task did, the alerts

A copy, because SQLite has one writer and no patience: two runs that begin at once would find the database locked. What a lane writes into its copy
(the state of tasks, the log of events) is read there and is gone afterwards; what the tasks land is not. Any other database is shared.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

_SQLITE = "sqlite:///"
_CONNECTION = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
# What a forked process finds: set in the parent before it forks, for a DAG cannot be sent to another process.
_dags: dict[str, Any] = {}


class AlertCollector(logging.Handler):
    """Keeps the alerts of failed tasks, each with the exit code of its error."""

    def __init__(self) -> None:
        super().__init__()
        self.alerts: list[tuple[str, int]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one alert."""
        self.alerts.append((record.getMessage(), getattr(record, "exit_code", 1)))


@dataclass
class DagOutcome:
    """What became of one run of a DAG."""

    name: str
    state: str
    seconds: float
    tasks: list[tuple[str, str, float]] = field(default_factory=list)
    """(DAG/task, state, seconds), in the order in which they began."""
    alerts: list[tuple[str, int]] = field(default_factory=list)


def run_dag(name: str, dag: Any, as_of: date) -> DagOutcome:
    """Run one DAG for a day, here."""
    collector = AlertCollector()
    alerts = logging.getLogger("fifty.alerts")
    alerts.addHandler(collector)
    started = time.monotonic()
    try:
        run = dag.test(run_conf={"as_of": as_of.isoformat()} if "as_of" in dag.params else None, logical_date=None)
    finally:
        alerts.removeHandler(collector)
    outcome = DagOutcome(name, str(run.state), time.monotonic() - started, alerts=collector.alerts)
    for task in sorted(run.get_task_instances(), key=lambda one: (one.start_date is None, one.start_date, one.map_index)):
        outcome.tasks.append((f"{name}.{task.task_id}", str(task.state), task.duration or 0.0))
    return outcome


def warm_airflow() -> None:
    """Have, before anything is forked, what the first task of each process would otherwise make for itself in five seconds.

    That is the mappings of Airflow's tables and the routes of the API that tasks speak to; the API makes them when it is first asked something. Asked in a
    loop of its own, which ends here: the thread in which Airflow answers its tasks would not live on in a fork.
    """
    import httpx
    from airflow.sdk.execution_time.supervisor import in_process_api_server
    from sqlalchemy.orm import configure_mappers

    async def ask() -> None:
        async with httpx.AsyncClient(transport=in_process_api_server().atransport, base_url="http://in-process.invalid.") as client:
            (await client.get("/health")).raise_for_status()

    configure_mappers()
    asyncio.run(ask())


def run_waves(
    dags: dict[str, Any], waves: Sequence[Sequence[str]], as_of: date, *, lanes: int, meanwhile: Callable[[], None] | None = None
) -> Iterator[DagOutcome]:
    """Run the DAGs wave by wave, at most `lanes` of a wave at a time; yields each outcome as it comes.

    A wave of one runs here; after that nothing is forked any more, for what Airflow has started here by then would not live on in the fork.
    `meanwhile` runs here, in a thread, while the first forked wave does: what later waves need, but must not wait for.
    """
    is_untouched = True
    for names in waves:
        if is_untouched and lanes > 1 and len(names) > 1:
            yield from _run_side_by_side(dags, names, as_of, lanes=lanes, meanwhile=meanwhile)
            meanwhile = None
        else:
            is_untouched = False
            yield from (run_dag(name, dags[name], as_of) for name in names)


def _run_side_by_side(
    dags: dict[str, Any], names: Sequence[str], as_of: date, *, lanes: int, meanwhile: Callable[[], None] | None
) -> Iterator[DagOutcome]:
    from airflow import settings

    _dags.update(dags)
    # Connections do not survive a fork.
    settings.dispose_orm(do_log=False)
    home = Path(os.environ["AIRFLOW_HOME"]) / "lanes"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    try:
        with ProcessPoolExecutor(lanes, mp_context=multiprocessing.get_context("fork"), initializer=_open_lane, initargs=(home,)) as pool:
            # The first submit forks all lanes; only then may this process have a second thread.
            running = [pool.submit(_run_named, name, as_of) for name in names]
            with ThreadPoolExecutor(1) as beside:
                ready = beside.submit(meanwhile) if meanwhile else None
                for done in as_completed(running):
                    yield done.result()
                if ready:
                    ready.result()
    finally:
        shutil.rmtree(home, ignore_errors=True)
        settings.configure_orm()


def _open_lane(home: Path) -> None:
    """In a forked process: have a database of one's own."""
    from airflow import settings

    shared = str(settings.SQL_ALCHEMY_CONN)
    if shared.startswith(_SQLITE):
        own = home / f"{os.getpid()}.db"
        shutil.copyfile(shared.removeprefix(_SQLITE), own)
        os.environ[_CONNECTION] = f"{_SQLITE}{own}"
        settings.configure_vars()
    settings.configure_orm()


def _run_named(name: str, as_of: date) -> DagOutcome:
    return run_dag(name, _dags[name], as_of)
