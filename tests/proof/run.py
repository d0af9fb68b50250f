"""``make proof``: does the production shape run by itself, and is nothing lost when parts of it die?

docker-compose.yml → services as processes (stand.py) → a served demo world → schedule, chain, kill, restart, backfill, workers → figures

What is shown, each with its figure in bench/results/proof.json:
1. Every service becomes healthy by its own health check.
2. A pull fires when it is due; warehouse and extracts follow by themselves.
3. A task killed with -9 in the middle of a build is tried again and ends with the identical fingerprint.
4. All services are ended in the middle of a build and started again: no run is lost, and the fingerprint is the same.
5. `airflow backfill create` over three days completes.
6. The profile `workers`: the same on Redis and a Celery worker that is killed with all below it.

Run alone: ``python -m tests.proof [--bounded]``; bounded leaves out 5 and 6 and takes less than eight minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import threading
import time
from collections import Counter
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bench.results import measure, print_table, write_results
from tests.acceptance.servers.installation import install_debian_packages
from tests.proof.airflow_api import ENDED, Run
from tests.proof.production import PATIENCE_SECONDS, REQUIREMENTS, SERVICES, Production, Proof, forget_own_settings, serve_demo, work_in_folder


def show_chain(production: Production, proof: Proof) -> None:
    """A pull that fires when it is due, and what follows it."""
    api, slug = production.api, production.demo.brand
    pulls = [dag for dag in api.list_dags() if dag.startswith("pull_")]
    proof.check("all DAGs are read without an error", not api.list_import_errors() and len(pulls) >= 5, f"{len(api.list_dags())} DAGs")
    # What was due before the start is caught up with at once: the first round.
    production.wait_quiet(seconds=2 * PATIENCE_SECONDS)
    due = production.due

    def find_due() -> list[Run] | None:
        found = [run for dag in pulls for run in api.list_runs(dag) if run.kind == "scheduled" and run.due == due and run.started]
        return found if len(found) == len(pulls) else None

    fired = api.wait_until("the pulls that are due to fire", find_due, seconds=PATIENCE_SECONDS + 60)
    lag = max((run.started - due).total_seconds() for run in fired if run.started)
    proof.note(measure("a scheduled pull fires after it is due within", lag, "s", at_most=60))
    production.wait_quiet(seconds=2 * PATIENCE_SECONDS)
    print("  the chain, as it happened (UTC):", flush=True)
    for run in sorted((run for run in api.list_runs() if run.started), key=lambda run: run.started or due):
        print(f"    {run.started:%H:%M:%S} – {run.ended:%H:%M:%S}  {run.dag:22} {run.kind:16} {run.state}")
    warehouse = [run for run in api.list_runs(f"warehouse_{slug}") if run.kind == "asset_triggered"]
    extracts = [run for run in api.list_runs(f"extracts_{slug}") if run.kind == "asset_triggered"]
    proof.check("the warehouse follows the pulls by itself", any(run.state == "success" for run in warehouse), f"{len(warehouse)} runs")
    proof.check("the extracts follow the publish by themselves", any(run.state == "success" for run in extracts), f"{len(extracts)} runs")
    bad = [production.explain(run) for run in api.list_runs() if run.state == "failed"]
    proof.check("no run failed", not bad, " · ".join(bad))
    labels = {one["rendered_map_index"] for run in fired for one in api.list_tasks(run) if one["task_id"] == "pull"}
    proof.check(
        "the grid names brand and account of each pull", all(str(label).startswith(slug) for label in labels), ", ".join(map(str, sorted(labels)))
    )
    pages = list((production.stand.volume("data") / slug / "extracts").rglob("*.html"))
    proof.check("the weekly page is written", bool(pages), f"{len(pages)} pages")
    published = production.stand.volume("published") / slug / "marts.duckdb"
    beside = {path.name for path in published.parent.iterdir()} - {"marts.duckdb", "bi.duckdb", "current", "versions", "serving"}
    kinds = {path.suffix for path in published.parent.rglob("*") if path.is_file()} - {".duckdb", ".parquet", ".json", ".csv", ".sql"}
    proof.check(
        "what readers open lies on its own volume, and nothing else with it", published.exists() and not beside | kinds, ", ".join(beside | kinds)
    )


def show_killed_task(production: Production, proof: Proof) -> None:
    """kill -9 in the middle of a build."""
    before = production.ask_fingerprint()
    run = production.api.trigger(f"warehouse_{production.demo.brand}")
    pid = production.wait_in_the_middle(run, "transform")
    os.kill(pid, signal.SIGKILL)
    started = time.monotonic()
    ended = production.wait_ended(run)
    proof.note(measure("from kill -9 of a task to the end of its run", time.monotonic() - started, "s"))
    proof.check("a killed task is tried again", (ended.state, production.count_attempts(run, "transform")) == ("success", 2), ended.state)
    proof.check("after the kill the fingerprint is identical", production.ask_fingerprint() == before, before[:60])
    production.wait_quiet()


def show_restart(production: Production, proof: Proof) -> None:
    """Every service is ended, the database too, in the middle of a build."""
    api = production.api
    before, runs = production.ask_fingerprint(), {(run.dag, run.name): run.state for run in api.list_runs()}
    run = api.trigger(f"warehouse_{production.demo.brand}")
    production.wait_in_the_middle(run, "transform")
    # First the one in which the tasks run: else the build ends while the others do, and nothing is cut off.
    for name in ("scheduler", *(one for one in reversed(production.services) if one != "scheduler"), "postgres"):
        proof.note(measure(f"{name} ended within", production.stand.end(name), "s"))
    started = time.monotonic()
    production.stand.start("postgres")
    production.stand.wait_healthy("postgres")
    production.start(with_database=False)
    proof.note(measure("all healthy again after", time.monotonic() - started, "s"))
    ended = production.wait_ended(run)
    attempts = production.count_attempts(run, "transform")
    proof.check("a build that a restart cut off is made again", ended.state == "success" and attempts >= 2, f"{ended.state}, attempt {attempts}")
    production.wait_quiet()
    after = {(one.dag, one.name): one.state for one in api.list_runs()}
    proof.check(
        "no run is lost or changed by a restart of everything", all(after.get(key) == state for key, state in runs.items()), f"{len(runs)} runs"
    )
    proof.check("after the restart the fingerprint is identical", production.ask_fingerprint() == before)


def show_backfill(production: Production, proof: Proof) -> None:
    """Three days of the past, by Airflow's own command."""
    first = production.demo.as_of - timedelta(days=10)
    last = first + timedelta(days=2)
    started = time.monotonic()
    production.stand.run_in(
        "scheduler", "airflow", "backfill", "create", "--dag-id", "pull_wordpress", "--from-date", first.isoformat(), "--to-date",
        f"{last.isoformat()}T23:59:00+00:00",
    )  # fmt: skip

    def look() -> list[Run] | None:
        found = [run for run in production.api.list_runs("pull_wordpress") if run.kind == "backfill"]
        return found if len(found) >= 3 and all(run.state in ENDED for run in found) else None

    runs = production.api.wait_until("the backfill to complete", look, seconds=PATIENCE_SECONDS)
    proof.note(measure("a backfill of three days takes", time.monotonic() - started, "s"))
    proof.check("a backfill of three days completes", [run.state for run in runs] == ["success"] * 3, ", ".join(run.state for run in runs))
    production.wait_quiet()


def show_killed_worker(production: Production, proof: Proof) -> None:
    """A whole worker machine is lost in the middle of a build, and comes back."""
    production.wait_quiet(seconds=3 * PATIENCE_SECONDS)
    before = production.ask_fingerprint()
    run = production.api.trigger(f"warehouse_{production.demo.brand}")
    production.wait_in_the_middle(run, "transform")
    production.stand.kill("worker")
    started = time.monotonic()
    production.stand.start("worker")
    proof.note(measure("worker healthy again after kill -9", production.stand.wait_healthy("worker"), "s"))
    ended = production.wait_ended(run)
    proof.note(measure("from kill -9 of a worker to the end of its run", time.monotonic() - started, "s"))
    attempts = production.count_attempts(run, "transform")
    proof.check("a task of a killed worker is tried again", ended.state == "success" and attempts >= 2, f"{ended.state}, attempt {attempts}")
    proof.check("after the kill of the worker the fingerprint is identical", production.ask_fingerprint() == before)


class LineageSink:
    """Takes OpenLineage events as a catalogue would, and counts them by job."""

    def __init__(self) -> None:
        self.jobs: Counter[str] = Counter()
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                sink.jobs[event["job"]["name"]] += 1
                self.send_response(201)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


def run_proof(folder: Path, proof: Proof, *, is_bounded: bool) -> None:
    """Everything in order. Raises ServerFailed when something does not come up or does not end."""
    (folder / "install").mkdir(parents=True)
    install_debian_packages(folder / "install" / "debian.log", REQUIREMENTS)
    with serve_demo(folder / "demo") as demo:
        print("One machine: LocalExecutor", flush=True)
        production = Production(folder / "one", demo)
        try:
            production.start(proof)
            show_chain(production, proof)
            for name in SERVICES:
                proof.note(measure(f"memory of the {name}", production.stand.measure_memory(name) / 1e6, "MB"))
            show_killed_task(production, proof)
            show_restart(production, proof)
            if not is_bounded:
                show_backfill(production, proof)
        finally:
            production.stand.close()
        if is_bounded:
            return
        print("Several machines: the profile `workers`", flush=True)
        sink = LineageSink()
        production = Production(folder / "workers", demo, profiles=("workers",), settings={"OPENLINEAGE_URL": sink.address})
        try:
            production.start(proof)
            show_killed_worker(production, proof)
            stages = [job for job in sink.jobs if job.startswith(f"warehouse_{demo.brand}.")]
            proof.check("one setting sends lineage of every stage", len(stages) >= 6, f"{sink.jobs.total()} events, {', '.join(sorted(stages))}")
        finally:
            production.stand.close()
            sink.close()


def main() -> int:
    """Run the proof and say what came of it. Returns the exit code."""
    parser = argparse.ArgumentParser(description="Run the services of docker-compose.yml as processes and see whether they work by themselves.")
    parser.add_argument("--bounded", action="store_true", help="leave out backfill and workers; less than eight minutes")
    parser.add_argument("--keep", action="store_true", help="keep the folder with all logs")
    options = parser.parse_args()
    forget_own_settings()
    started = time.monotonic()
    proof = Proof()
    if not work_in_folder("fifty-proof-", lambda folder: run_proof(folder, proof, is_bounded=options.bounded), proof, is_kept=options.keep):
        return 1
    if not options.bounded:
        write_results("proof", proof.figures)
    print()
    print_table(proof.figures)
    for missed in proof.missed:
        print(f"NOT PROVEN: {missed}")
    print(f"{'Not all is proven' if proof.missed else 'PROVEN'}, in {time.monotonic() - started:.0f} s.")
    return 1 if proof.missed else 0
