"""Run the DAGs once, in a process of its own: the project's runner with another configuration and data folder.

FIFTY_CONFIG, FIFTY_DATA, AIRFLOW_HOME (environment) -> dags/ in the order of their assets -> a JSON report

Run alone: ``python -m tests.acceptance.dag_run 2026-11-22 report.json dags.log``
"""

from __future__ import annotations

import json
import os
import sys
from datetime import date
from pathlib import Path

SCHEDULER = Path(__file__).resolve().parents[2] / "scheduler"


def main(arguments: list[str]) -> int:
    """Run every DAG of the flow for a day and write (task, state, seconds) and the alerts; 0 also when tasks failed."""
    as_of, report, log = date.fromisoformat(arguments[0]), Path(arguments[1]), Path(arguments[2])
    sys.path.insert(0, str(SCHEDULER))
    from environment import make_environment, prepare_airflow  # type: ignore[import-not-found]

    environment = make_environment()
    prepare_airflow(environment, slots=2)
    os.environ.update(environment)
    os.chdir(SCHEDULER.parent)

    from run_once import run_dags  # type: ignore[import-not-found]

    rows, alerts = run_dags(as_of, log)
    report.write_text(json.dumps({"tasks": rows, "alerts": alerts}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
