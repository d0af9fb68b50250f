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

from scheduler.environment import ROOT, RUN, make_environment, prepare_airflow

FIFTY = Path(sys.executable).with_name("fifty")
LANES = 2
"""DAGs side by side: a pull waits for its platform half of the time."""


def start_demo(folder: Path, preset: str = "run") -> dict[str, Any]:
    """Start the demo platforms as their own processes and return where they are. Raises SystemExit with their words."""
    done = subprocess.run(
        [str(FIFTY), "demo", str(folder), "--preset", preset, "--detach", "--json"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr.strip() or done.stdout.strip() or f"fifty demo ended with {done.returncode}")
    return dict(json.loads(done.stdout))


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


def run_dags(as_of: date, log: Path) -> tuple[list[tuple[str, str, float]], list[tuple[str, int]]]:
    """Run every DAG of the flow for one day; returns (DAG/task, state, seconds) of each task, and the alerts."""
    # A remark of one of Airflow's libraries to another, of no use to whoever reads this terminal.
    warnings.filterwarnings("ignore", message="Using `httpx` with `starlette.testclient`")
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
    # What every pull needs, imported once here and not in each forked process.
    importlib.import_module("fifty.scheduling")
    importlib.import_module("fifty.pull")
    outcomes = []
    for outcome in run_waves(bag.dags, find_waves(bag.dags), as_of, lanes=min(LANES, os.cpu_count() or 1)):
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

    print("Starting the demo platforms (WordPress, Bluesky, Mastodon on 127.0.0.1) …", flush=True)
    setup = start_demo(options.demo, options.preset)
    try:
        environment = make_environment(
            FIFTY_CONFIG=setup["config"], FIFTY_SECRETS=setup["secrets"], FIFTY_DATA=str(options.data),
            # A person watches: no waiting for another attempt.
            FIFTY_TASK_RETRIES="0",
        )  # fmt: skip
        if not Path(environment["AIRFLOW_HOME"]).exists():
            print("Preparing Airflow …", flush=True)
        prepare_airflow(environment, slots=2)
        os.environ.update(environment)

        from scheduler.summary import count_loads, describe_published

        before = count_loads(options.data, setup["brands"][0])
        print("Running the DAGs in the order of their assets:", flush=True)
        rows, alerts = run_dags(date.fromisoformat(setup["as_of"]), RUN / "run.log")
        after = count_loads(options.data, setup["brands"][0])
    finally:
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
