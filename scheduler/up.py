"""Airflow with its schedules on 127.0.0.1, until Ctrl-C: for a small team's first month, without containers.

fifty.yml (or, where there is none, the demo) → api-server, then scheduler, dag-processor, triggerer → URL and login

As `airflow standalone`, but for the order and the end: there the scheduler may start tasks before the api-server listens, and each of them
fails once; and its children outlive it. All parts share one process group, which is ended as one. `make up` calls this.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import FrameType

from fifty.errors import SettingsError
from fifty.settings import Settings, load_settings
from scheduler.environment import AIRFLOW, ROOT, RUN, make_environment, name_demo_places, prepare_airflow
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


def list_healthy(url: str) -> set[str]:
    """Parts of Airflow that say they are well; empty while the api-server does not answer."""
    try:
        with urllib.request.urlopen(f"{url}/api/v2/monitor/health", timeout=5) as answer:
            health: dict[str, dict[str, str]] = json.load(answer)
    except (OSError, ValueError):
        return set()
    return {part for part, state in health.items() if state.get("status") == "healthy"}


def is_group_alive(group: int) -> bool:
    """Whether a process of the group still runs. One that has ended but was reaped by nobody does not count."""
    if not Path("/proc/self/stat").exists():
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return False
        return True
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            # After the name, which may hold anything: state, parent, group.
            state, _, own_group = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(own_group) == group and state != "Z":
            return True
    return False


class Group:
    """The parts of Airflow as one process group: the first part leads it, and all end together."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self.environment, self.log = environment, log
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, part: str) -> None:
        """Start one part."""
        leader = next(iter(self.processes.values())).pid if self.processes else 0
        with self.log.open("ab") as output:
            self.processes[part] = subprocess.Popen(
                [str(AIRFLOW), part], env=self.environment, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, process_group=leader
            )

    def find_ended(self) -> str | None:
        """A part that has ended by itself."""
        return next((part for part, process in self.processes.items() if process.poll() is not None), None)

    def wait_for(self, url: str, parts: set[str]) -> None:
        """Return when these parts are well. Raises SystemExit when one ends, or it takes too long."""
        deadline = time.monotonic() + START_SECONDS
        while not parts <= list_healthy(url):
            ended = self.find_ended()
            if ended or time.monotonic() > deadline:
                raise SystemExit(f"Airflow did not come up ({ended or 'it took too long'}); read {self.log}.")
            time.sleep(1)

    def end(self) -> None:
        """End all parts and all they started; patiently first."""
        if not self.processes:
            return
        group = next(iter(self.processes.values())).pid
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            deadline = time.monotonic() + END_SECONDS
            try:
                os.killpg(group, number)
                while time.monotonic() < deadline:
                    for process in self.processes.values():
                        process.poll()
                    if not is_group_alive(group):
                        return
                    time.sleep(0.2)
            except ProcessLookupError:
                return


def find_config(settings: Settings) -> Path | None:
    """The configuration; None where there is none and none was named, which calls for the demo. Raises SettingsError for a named one that is missing."""
    config = settings.config.resolve()
    if config.exists():
        return config
    if "config" in settings.model_fields_set:
        # Who names one means it: the demo in its place would look like an installation.
        raise SettingsError(
            "the configuration is not there",
            where="make up",
            seen=f"no {config}",
            expected="the file that --config, FIFTY_CONFIG or .env names",
            remedy="correct the path; or name none, and the demo is started where the clone has no fifty.yml",
        )
    return None


def main() -> int:
    """Start, say where, wait, end. Returns the exit code."""
    parser = argparse.ArgumentParser(description="Start Airflow with its schedules on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=int(os.environ.get("FIFTY_AIRFLOW_PORT", "8080")), help="port of the web interface")
    parser.add_argument("--config", type=Path, help="the configuration file [default: FIFTY_CONFIG, .env, fifty.yml; where there is none, the demo]")
    options = parser.parse_args()
    os.chdir(ROOT)
    RUN.mkdir(exist_ok=True)
    try:
        settings = load_settings(config=options.config)
        config = find_config(settings)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    demo = None if config else RUN / "demo"
    more = {"FIFTY_CONFIG": str(config), "FIFTY_DATA": str(settings.data.resolve())}
    if demo:
        print(f"There is no {settings.config}: the demo platforms are started instead; their data go to {ROOT / 'data'}.", flush=True)
        more = name_demo_places(ROOT / "data", start_demo(demo))
    group: Group | None = None

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    # SIGINT too: a parent that ignores it hands that down, and Ctrl-C would do nothing.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        port = take_port(options.port)
        worker_log, trigger_log = take_port(8793), take_port(8794)
        environment = make_environment(
            {
                # Airflow's own lines are many and say little; ours are what one opens the log of a task for.
                "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
                "AIRFLOW__LOGGING__NAMESPACE_LEVELS": "airflow=WARNING",
                # The one Airflow makes is short, and it warns of that with every task. A new one for each start: sessions end with it.
                "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(48),
            },
            **more,
            AIRFLOW__API__HOST=HOST,
            AIRFLOW__API__PORT=str(port),
            AIRFLOW__API__BASE_URL=f"http://{HOST}:{port}",
            AIRFLOW__CORE__EXECUTION_API_SERVER_URL=f"http://{HOST}:{port}/execution/",
            AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT=str(worker_log),
            AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT=str(trigger_log),
        )
        prepare_airflow(environment, slots=settings.warehouse_slots)
        log = RUN / "airflow.log"
        group = Group(environment, log)
        url = f"http://{HOST}:{port}"
        print(f"Starting Airflow on {url} (about a minute); its log is {log}.", flush=True)
        group.start("api-server")
        group.wait_for(url, {"metadatabase"})
        for part in ("scheduler", "dag-processor", "triggerer"):
            group.start(part)
        group.wait_for(url, {"metadatabase", "scheduler", "dag_processor", "triggerer"})
        passwords = json.loads((Path(environment["AIRFLOW_HOME"]) / "simple_auth_manager_passwords.json.generated").read_text(encoding="utf-8"))
        print(f"Airflow is up: {url}")
        print(f"Log in as admin with {passwords['admin']}")
        print("Platforms are pulled every hour; marts and extracts follow. Ctrl-C ends it all.", flush=True)
        while not (ended := group.find_ended()):
            time.sleep(1)
        print(f"Airflow's {ended} has ended by itself; read {log}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nEnding Airflow …", flush=True)
        return 0
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if group:
            group.end()
        if demo:
            stop_demo(demo)


if __name__ == "__main__":
    raise SystemExit(main())
