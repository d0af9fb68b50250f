"""The main job, once: the demo platforms, every DAG in the order of its assets, and what was found.

`fifty demo` → fifty.yml → dags/ → dag.test(), wave by wave → data/<brand> → a summary

Exit code 0 done, 1 a task failed, 2 wrong configuration, 3 a gate stopped it. `make run` calls this.
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import os
import subprocess
import sys
import time
import warnings
from datetime import date
from pathlib import Path
from typing import Any

from fifty.errors import SettingsError
from fifty.settings import load_settings
from scheduler.environment import ROOT, RUN, make_environment, migrate_database, name_demo_places

FIFTY = Path(sys.executable).with_name("fifty")
LANES = 2
"""DAGs side by side: a pull waits for its platform half of the time."""


def start_demo(folder: Path, preset: str = "run") -> dict[str, Any]:
    """Start the demo platforms as their own processes and return where they are. Raises SystemExit with their words."""
    return await_demo(begin_demo(folder, preset))


def begin_demo(folder: Path, preset: str = "run") -> subprocess.Popen[str]:
    """Let the demo platforms start, and do not wait for them."""
    command = [str(FIFTY), "demo", str(folder), "--preset", preset, "--detach", "--json"]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def await_demo(starting: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait until the demo platforms answer and return where they are. Raises SystemExit with their words."""
    told, complaint = starting.communicate()
    if starting.returncode:
        raise SystemExit(complaint.strip() or told.strip() or f"fifty demo ended with {starting.returncode}")
    return dict(json.loads(told))


def stop_demo(folder: Path) -> None:
    """End the demo platforms."""
    subprocess.run([str(FIFTY), "demo", str(folder), "--stop"], cwd=ROOT, stdout=subprocess.DEVNULL, check=False)


def compare_with_truth(folder: Path, data: Path, brand: str) -> None:
    """Let the demo say how what is published compares with its truth, of which the product knows nothing."""
    marts = data.resolve() / brand / "published" / "marts.duckdb"
    if marts.exists():
        subprocess.run(
            [sys.executable, "-m", "demo", "compare", "--dir", str(folder), "--brand", brand, "--marts", str(marts)], cwd=ROOT, check=False
        )


def warm_scheduler() -> None:
    """Import what every DAG and every pull needs, once and not in each forked process."""
    # A remark of one of Airflow's libraries to another, of no use to whoever reads this terminal.
    warnings.filterwarnings("ignore", message="Using `httpx` with `starlette.testclient`")
    from scheduler.lanes import warm_airflow

    for module in ("airflow.dag_processing.dagbag", "fifty.scheduling", "fifty.pull"):
        importlib.import_module(module)
    warm_airflow()


def warm_warehouse(as_of: date) -> None:
    """Import Great Expectations and dbt and let dbt read the project: of two cores a pull leaves half of one idle."""
    from fifty.gate import import_great_expectations
    from fifty.transform import parse_project
    from fifty.warehouse import BrandPaths
    from scheduler.defaults import open_settings

    settings, config = open_settings()
    import_great_expectations()
    for slug in config.brands:
        parse_project(BrandPaths(settings.data, slug), settings, as_of=as_of)


def run_dags(as_of: date, log: Path) -> tuple[list[tuple[str, str, float]], list[tuple[str, int]]]:
    """Run every DAG of the flow for one day; returns (DAG/task, state, seconds) of each task, and the alerts."""
    warm_scheduler()
    from airflow.dag_processing.dagbag import DagBag

    from scheduler.lanes import run_waves
    from scheduler.order import find_waves

    file = logging.FileHandler(log, encoding="utf-8")
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    # Our own lines go to a file; on the terminal a line a DAG is enough. Alerts are kept besides.
    ours = logging.getLogger("fifty")
    ours.setLevel(logging.INFO)
    ours.propagate = False
    ours.handlers[:] = [file]

    bag = DagBag(str(ROOT / "dags"))
    if bag.import_errors:
        for path, text in bag.import_errors.items():
            print(f"{path}:\n{text}", file=sys.stderr)
        raise SystemExit(2)
    lanes = min(LANES, os.cpu_count() or 1)
    outcomes = []
    for outcome in run_waves(bag.dags, find_waves(bag.dags), as_of, lanes=lanes, meanwhile=lambda: warm_warehouse(as_of)):
        print(f"  {outcome.name:24}{outcome.state:8} {outcome.seconds:6.1f} s", flush=True)
        outcomes.append(outcome)
    return [task for outcome in outcomes for task in outcome.tasks], [alert for outcome in outcomes for alert in outcome.alerts]


def sum_seconds(rows: list[tuple[str, str, float]]) -> dict[str, float]:
    """Seconds per stage over all DAGs, in the order in which they ran."""
    seconds: dict[str, float] = {}
    for name, _, duration in rows:
        stage = name.rsplit(".", 1)[1]
        seconds[stage] = seconds.get(stage, 0.0) + duration
    return seconds


def main() -> int:
    """Run the job and say what came of it. Returns the exit code."""
    parser = argparse.ArgumentParser(description="Run the main job once through Airflow, against the demo platforms.")
    parser.add_argument("--demo", type=Path, default=RUN / "demo", help="where the demo lives")
    parser.add_argument("--data", type=Path, default=ROOT / "data", help="the data directory")
    parser.add_argument("--preset", default="run", help="kind of world, when there is none yet")
    options = parser.parse_args()
    started = time.monotonic()
    os.chdir(ROOT)
    RUN.mkdir(exist_ok=True)

    print("Starting the demo platforms (WordPress, Bluesky, Mastodon on 127.0.0.1), and Airflow meanwhile …", flush=True)
    starting = begin_demo(options.demo, options.preset)
    try:
        # A person watches: no waiting for another attempt.
        os.environ.update(make_environment(**name_demo_places(options.data), FIFTY_TASK_RETRIES="0"))
        warm_scheduler()
        migrate_database(slots=load_settings().warehouse_slots)
        setup = await_demo(starting)
        os.environ.update(make_environment(**name_demo_places(options.data, setup)))

        from scheduler.summary import count_loads, describe_published

        before = count_loads(options.data, setup["brands"][0])
        print("Running the DAGs in the order of their assets:", flush=True)
        rows, alerts = run_dags(date.fromisoformat(setup["as_of"]), RUN / "run.log")
        after = count_loads(options.data, setup["brands"][0])
    except SettingsError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    finally:
        starting.wait()
        stop_demo(options.demo)

    print()
    print("Seconds per stage: " + ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in sum_seconds(rows).items()))
    print()
    if after.loads == before.loads:
        print("Nothing new was landed: every window of this day had been pulled before.")
    else:
        print(f"Landed {after.loads - before.loads} new loads with {after.items - before.items:,} items.")
    for line in describe_published(options.data, setup["brands"][0]):
        print(line)
    print(flush=True)
    compare_with_truth(options.demo, options.data, setup["brands"][0])
    print()
    print(f"  log      {RUN / 'run.log'}")
    print(f"Done in {time.monotonic() - started:.0f} s.")
    for text, _ in alerts:
        print(text, file=sys.stderr)
    if alerts:
        # A wrong configuration first, then a gate, then anything else: the order in which one would mend them.
        return next(code for code in (2, 3, 1) if code in {code for _, code in alerts})
    return 1 if any(state in ("failed", "upstream_failed") for _, state, _ in rows) else 0


if __name__ == "__main__":
    raise SystemExit(main())
