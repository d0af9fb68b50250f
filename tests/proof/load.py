"""How much one machine carries: forty brands with ten accounts each on the live scheduler of docker-compose.yml, round after round.

small demo world under forty names → services (stand.py) → two rounds of pull, warehouse, extracts → lag, memory, growth of Airflow's database

The first round reads the whole history of every brand, the second what one more round brings. A round ends with its last run. Each brand has the world's
three accounts and seven smaller Mastodon accounts of people, read without a credential. Lag is the time between the moment at which Airflow wants a task
to run (scheduled, its turn in the pool aside) and its start. Airflow's database is measured as PostgreSQL counts it, after a round, and again after
`airflow db clean` and `vacuum full`.
Run alone: ``python -m tests.proof.load [--brands 40]`` writes bench/results/load.json; fewer brands write nothing.
"""

from __future__ import annotations

import argparse
import copy
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import psycopg2
import yaml

from bench.results import measure, print_table, write_results
from fifty.demo import DemoSetup
from tests.acceptance.servers.installation import install_debian_packages
from tests.proof.airflow_api import ENDED, AirflowApi, Run
from tests.proof.production import REQUIREMENTS, SERVICES, Production, Proof, forget_own_settings, serve_demo, work_in_folder

BRANDS, ACCOUNTS = 40, 10
HOUR = 3600.0
ROUNDS_A_MONTH = 30 * 24
# Long enough for what must not be: the aim is an hour.
LONGEST_ROUND = 2.5 * HOUR


def write_agency(demo: DemoSetup, path: Path, *, brands: int, accounts: int = ACCOUNTS) -> Path:
    """A fifty.yml of so many brands, each the demo's one brand with further accounts."""
    config: dict[str, Any] = yaml.safe_load(demo.config.read_text(encoding="utf-8"))
    brand = config["brands"][demo.brand]
    server = next(account["base_url"] for account in brand["accounts"] if account["platform"] == "mastodon")
    known = {str(account["handle"]) for account in brand["accounts"]}
    with duckdb.connect() as connection:
        rows = connection.execute(
            "select username from read_parquet(?) where domain is null order by post_count desc, username",
            [str(demo.folder / "world" / "mastodon" / "accounts.parquet")],
        ).fetchall()
    more = [name for (name,) in rows if name not in known][: accounts - len(brand["accounts"])]
    brand["accounts"] += [{"platform": "mastodon", "handle": name, "base_url": server} for name in more]
    config["brands"] = {f"brand-{number:02}": {**copy.deepcopy(brand), "name": f"Brand {number}"} for number in range(1, brands + 1)}
    path.write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path


class MemoryWatch:
    """The largest memory of each service, looked at every few seconds."""

    def __init__(self, production: Production) -> None:
        self.peak = dict.fromkeys(SERVICES, 0)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(production,), daemon=True)
        self._thread.start()

    def _watch(self, production: Production) -> None:
        while not self._stop.wait(10):
            for name in SERVICES:
                self.peak[name] = max(self.peak[name], production.stand.measure_memory(name))

    def end(self) -> None:
        """Stop looking."""
        self._stop.set()
        self._thread.join()


def measure_database(production: Production, *, is_vacuumed: bool = False) -> int:
    """Bytes of Airflow's database."""
    connection = psycopg2.connect(production.stand.describe_environment("scheduler")["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg2", ""))
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            if is_vacuumed:
                cursor.execute("vacuum full")
            cursor.execute("select pg_database_size(current_database())")
            row = cursor.fetchone()
            assert row is not None
            return int(row[0])
    finally:
        connection.close()


def list_lags(api: AirflowApi, runs: list[Run]) -> list[float]:
    """Seconds between scheduled and started of every task of the runs."""
    lags = []
    for run in runs:
        for task in api.list_tasks(run):
            if task["scheduled_when"] and task["start_date"]:
                lags.append((datetime.fromisoformat(task["start_date"]) - datetime.fromisoformat(task["scheduled_when"])).total_seconds())
    return lags


def describe_round(production: Production, proof: Proof, name: str, begin: datetime) -> None:
    """Figures of one round that has ended."""
    runs = [run for run in production.api.list_runs() if run.started and run.started >= begin]
    end = max(run.ended for run in runs if run.ended)
    proof.note(measure(f"{name}: whole round", (end - begin).total_seconds(), "s", at_most=HOUR))
    for kind in ("pull", "warehouse", "extracts"):
        chosen = [run for run in runs if run.dag.startswith(f"{kind}_")]
        last = max((run.ended for run in chosen if run.ended), default=begin)
        proof.note(measure(f"{name}: last {kind} ended after", (last - begin).total_seconds(), "s"))
        proof.note(measure(f"{name}: {kind} runs", len(chosen), "runs"))
    proof.note(measure(f"{name}: runs that failed", sum(run.state == "failed" for run in runs), "runs", at_most=0))
    lags = list_lags(production.api, runs)
    for share, label in ((0.5, "median"), (0.95, "95 %"), (1.0, "largest")):
        proof.note(measure(f"{name}: lag of a task, {label} of {len(lags)}", float(np.quantile(lags, share)), "s"))


def run_load(folder: Path, proof: Proof, *, brands: int) -> None:
    """Two rounds, then pruning. Raises ServerFailed when something does not come up or does not end."""
    (folder / "install").mkdir(parents=True)
    install_debian_packages(folder / "install" / "debian.log", REQUIREMENTS)
    with serve_demo(folder / "demo") as demo:
        config = write_agency(demo, folder / "fifty.yml", brands=brands)
        # The second round is due long after the first has ended: it is started by hand, so that the two do not overlap.
        production = Production(folder / "one", demo, config=config, start_seconds=20 * HOUR)
        try:
            empty_begin = time.monotonic()
            production.start()
            print(f"  up after {time.monotonic() - empty_begin:.0f} s", flush=True)
            watch = MemoryWatch(production)
            begin = datetime.now(UTC) - timedelta(minutes=5)
            before = measure_database(production)
            production.wait_quiet(seconds=LONGEST_ROUND)
            begin = min(run.started for run in production.api.list_runs() if run.started and run.started >= begin)
            describe_round(production, proof, "first round", begin)
            after_first = measure_database(production)

            begin = datetime.now(UTC)
            for dag in production.api.list_dags():
                if dag.startswith("pull_"):
                    production.api.trigger(dag)
            production.wait_quiet(seconds=LONGEST_ROUND)
            describe_round(production, proof, "second round", begin)
            after_second = measure_database(production)
            watch.end()

            for name, peak in watch.peak.items():
                proof.note(measure(f"largest memory of the {name}, its tasks included", peak / 1e6, "MB"))
            published = list(production.stand.volume("published").glob("*/marts.duckdb"))
            proof.note(measure("brands published", len(published), "brands", at_least=brands))
            grown = after_second - after_first
            proof.note(measure("Airflow's database before the first round", before / 1e6, "MB"))
            proof.note(measure("Airflow's database after two rounds", after_second / 1e6, "MB"))
            proof.note(measure("growth of Airflow's database in the second round", grown / 1e6, "MB"))
            proof.note(measure("the same in a month of hourly rounds", grown * ROUNDS_A_MONTH / 1e9, "GB"))
            started = time.monotonic()
            production.stand.run_in(
                "scheduler", "airflow", "db", "clean", "--clean-before-timestamp", datetime.now(UTC).isoformat(), "--skip-archive", "--yes", seconds=600
            )  # fmt: skip
            proof.note(measure("airflow db clean takes", time.monotonic() - started, "s"))
            proof.note(measure("Airflow's database after cleaning", measure_database(production, is_vacuumed=True) / 1e6, "MB"))
            left = [run for run in production.api.list_runs() if run.state in ENDED]
            proof.note(measure("runs that cleaning left", len(left), "runs"))
        finally:
            production.stand.close()


def main() -> int:
    """Run the load and say what came of it. Returns the exit code."""
    parser = argparse.ArgumentParser(description="Forty brands with ten accounts each on a live scheduler.")
    parser.add_argument("--brands", type=int, default=BRANDS, help="fewer write no result")
    parser.add_argument("--keep", action="store_true", help="keep the folder with all logs")
    options = parser.parse_args()
    forget_own_settings()
    proof = Proof()
    if not work_in_folder("fifty-load-", lambda folder: run_load(folder, proof, brands=options.brands), proof, is_kept=options.keep):
        return 1
    if options.brands == BRANDS:
        write_results("load", proof.figures)
    print_table(proof.figures)
    return 1 if any(figure.met is False for figure in proof.figures) else 0


if __name__ == "__main__":
    raise SystemExit(main())
