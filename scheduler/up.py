"""Airflow with its schedules on 127.0.0.1, until Ctrl-C: for a small team's first month, without containers.

fifty.yml (or, where there is none, the demo) → `airflow standalone` in a process group of its own → URL and login

When this ends, the whole group ends: `airflow standalone` alone would leave its children behind. `make up` calls this.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import FrameType

from scheduler.environment import AIRFLOW, ROOT, RUN, make_environment, prepare_airflow
from scheduler.run_once import start_demo, stop_demo

HOST = "127.0.0.1"
START_SECONDS = 240.0
END_SECONDS = 20.0


def take_port(wanted: int) -> int:
    """The wanted port when it is free, else any free one."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise SystemExit("no free port")


def is_healthy(url: str) -> bool:
    """Whether the metadata database and the scheduler say they are well."""
    try:
        with urllib.request.urlopen(f"{url}/api/v2/monitor/health", timeout=5) as answer:
            health = json.load(answer)
    except (OSError, ValueError):
        return False
    return all(health.get(part, {}).get("status") == "healthy" for part in ("metadatabase", "scheduler", "dag_processor"))


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End the process and everything it started; patiently first."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        deadline = time.monotonic() + END_SECONDS
        while time.monotonic() < deadline:
            process.poll()
            try:
                os.killpg(process.pid, 0)
            except ProcessLookupError:
                break
            time.sleep(0.2)
    process.wait()


def main() -> int:
    """Start, say where, wait, end. Returns the exit code."""
    parser = argparse.ArgumentParser(description="Start Airflow with its schedules on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=int(os.environ.get("FIFTY_AIRFLOW_PORT", "8080")), help="port of the web interface")
    parser.add_argument("--config", type=Path, default=Path(os.environ.get("FIFTY_CONFIG", ROOT / "fifty.yml")))
    options = parser.parse_args()
    os.chdir(ROOT)
    RUN.mkdir(exist_ok=True)
    demo = None if options.config.exists() else RUN / "demo"
    more = {"FIFTY_CONFIG": str(options.config.resolve()), "FIFTY_DATA": str(ROOT / "data")}
    if demo:
        print(f"There is no {options.config}: the demo platforms are started instead.", flush=True)
        setup = start_demo(demo)
        more |= {"FIFTY_CONFIG": setup["config"], "FIFTY_SECRETS": setup["secrets"]}
    process: subprocess.Popen[bytes] | None = None

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        port = take_port(options.port)
        worker_log, trigger_log = take_port(8793), take_port(8794)
        environment = make_environment(
            **more,
            AIRFLOW__API__HOST=HOST,
            AIRFLOW__API__PORT=str(port),
            AIRFLOW__API__BASE_URL=f"http://{HOST}:{port}",
            AIRFLOW__CORE__EXECUTION_API_SERVER_URL=f"http://{HOST}:{port}/execution/",
            AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT=str(worker_log),
            AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT=str(trigger_log),
        )
        prepare_airflow(environment, slots=2)
        log = RUN / "airflow.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                [str(AIRFLOW), "standalone"],
                env=environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        url = f"http://{HOST}:{port}"
        print(f"Starting Airflow on {url} (about a minute); its log is {log}.", flush=True)
        deadline = time.monotonic() + START_SECONDS
        while not is_healthy(url):
            if process.poll() is not None or time.monotonic() > deadline:
                print(f"Airflow did not come up; read {log}.", file=sys.stderr)
                return 1
            time.sleep(1)
        passwords = json.loads((Path(environment["AIRFLOW_HOME"]) / "simple_auth_manager_passwords.json.generated").read_text(encoding="utf-8"))
        print(f"Airflow is up: {url}")
        print(f"Log in as admin with {passwords['admin']}")
        print("Platforms are pulled every hour; marts and extracts follow. Ctrl-C ends it all.", flush=True)
        return process.wait()
    except KeyboardInterrupt:
        print("\nEnding Airflow …", flush=True)
        return 0
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if process:
            end_group(process)
        if demo:
            stop_demo(demo)


if __name__ == "__main__":
    raise SystemExit(main())
