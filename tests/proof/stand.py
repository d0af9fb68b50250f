"""The services of docker-compose.yml as processes of this machine.

services → a folder each that looks as its container's file system does, one port each instead of a network → their own commands, leashed

What containers give and processes lack is put in their place, and nothing else is changed:

- paths: `/opt/…` and `/run/…` of a container are `<stand>/root/<service>/opt/…`, with links to the volumes and to what the Dockerfile copies;
- the network: `postgres`, `redis:6379`, `api-server:8080` and a container's own `localhost:8080` are ports of 127.0.0.1;
- PostgreSQL's image makes its cluster by itself; here that is `initdb`.

A service is healthy when its own health check says so. Used by ``tests/proof/run.py``.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import psutil

from tests.acceptance.servers.installation import find_postgres_programs
from tests.acceptance.servers.postgres import start_postgres
from tests.acceptance.servers.processes import LeashedProcess, ServerFailed, choose_ports, run_to_end
from tests.proof.compose import ROOT, Service

START_SECONDS = 240.0
CHECK_SECONDS = 2.0
CHECK_TIMEOUT_SECONDS = 30.0
DATABASE = "postgres"
# Ports inside the containers, by what listens there. Two containers may use the same; two processes may not.
PORTS = {"postgres": 5432, "redis": 6379, "api-server": 8080, "scheduler": 8974}
# How a service is told another port than the usual one. In a container it needs not be told.
PORT_SETTINGS = {"api-server": "AIRFLOW__API__PORT", "scheduler": "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT"}
LOG_PORT_SETTINGS = ("AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT", "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT")
COPIED = ("fifty", "scheduler", "dbt_project", "expectations", "dags")


class Stand:
    """All services of one file, each started, checked, ended and killed by its name."""

    def __init__(self, folder: Path, services: Mapping[str, Service], *, settings: Mapping[str, str] | None = None) -> None:
        self.folder, self.services = folder, services
        self.settings = dict(settings or {})
        """What an operator would set for every service of ours beside the file, for example a shorter wait for a dead worker."""
        numbers = choose_ports(len(PORTS) + 2 * len(services))
        self.ports = dict(zip(PORTS, numbers, strict=False))
        self._log_ports = {name: numbers[len(PORTS) + 2 * index :][:2] for index, name in enumerate(services)}
        self._running: dict[str, ExitStack] = {}
        self._processes: dict[str, LeashedProcess] = {}
        self.logs = folder / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        # PostgreSQL runs as another user and must pass through.
        folder.chmod(0o755)
        for service in services.values():
            if service.is_ours:
                self._lay_out(service)

    def _root(self, name: str) -> Path:
        return self.folder / "root" / name

    def volume(self, name: str) -> Path:
        """The folder that stands for a named volume."""
        return self.folder / "volumes" / name

    def _lay_out(self, service: Service) -> None:
        root = self._root(service.name)
        home = root / "opt" / "fifty"
        home.mkdir(parents=True, exist_ok=True)
        (root / "opt" / "airflow").mkdir(exist_ok=True)
        for name in COPIED:
            (home / name).symlink_to(ROOT / name)
        for volume in service.volumes:
            seen = root / volume.target.lstrip("/")
            # A path beside docker-compose.yml belongs to the operator; here to the stand, so that nothing of the clone is used or touched.
            real = self.folder / "beside" / Path(volume.source).name if volume.is_bind else self.volume(volume.source)
            real.mkdir(parents=True, exist_ok=True)
            seen.parent.mkdir(parents=True, exist_ok=True)
            seen.symlink_to(real)

    def _translate(self, service: Service, text: str) -> str:
        for name, usual in PORTS.items():
            hosts = f"(?:{re.escape(name)}|localhost)" if name == service.name else re.escape(name)
            text = re.sub(rf"(?:(?<=@)|(?<=//)){hosts}(?::{usual})?(?=/)", f"127.0.0.1:{self.ports[name]}", text)
        return re.sub(r"(?<![\w/.])/(?=(opt|run)/)", f"{self._root(service.name)}/", text) if service.is_ours else text

    def describe_environment(self, name: str) -> dict[str, str]:
        """The environment of a service: its own, translated, and this machine's path."""
        service = self.services[name]
        programs = find_postgres_programs()
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"], str(programs)))
        # A container has its name as HOSTNAME; so does this machine.
        surroundings = {**os.environ, "PATH": path, "HOSTNAME": socket.gethostname()}
        if not service.is_ours:
            own = {"PGHOST": "127.0.0.1", "PGPORT": str(self.ports[DATABASE])} if name == DATABASE else {}
            return {**surroundings, **service.environment, **own}
        stated = {key: self._translate(service, value) for key, value in service.environment.items()}
        ports = dict(zip(LOG_PORT_SETTINGS, map(str, self._log_ports[name]), strict=True))
        if name in PORT_SETTINGS:
            ports[PORT_SETTINGS[name]] = str(self.ports[name])
        # Inside a container this is nobody else's machine.
        ports["AIRFLOW__API__HOST"] = "127.0.0.1"
        return {**surroundings, "AIRFLOW_HOME": str(self._root(name) / "opt" / "airflow"), **stated, **self.settings, **ports}

    def describe_command(self, name: str) -> list[str]:
        """What a service executes, translated."""
        service = self.services[name]
        words = [self._translate(service, word) for word in service.command]
        if name == "redis":
            words = [word.replace("redis-server", f"redis-server --bind 127.0.0.1 --port {self.ports[name]}") for word in words]
        return words

    def log_of(self, name: str) -> Path:
        """What a service writes."""
        return self.logs / f"{name}.log"

    def start(self, name: str) -> None:
        """Start a service without waiting for it."""
        stack = ExitStack()
        if name == DATABASE:
            stated = self.services[name].environment
            port, user, password = self.ports[name], stated["POSTGRES_USER"], stated["POSTGRES_PASSWORD"]
            is_new = not (self.folder / "postgres").exists()
            stack.enter_context(start_postgres(self.folder, user=user, password=password, port=port))
            if is_new:
                where = ["--host", "127.0.0.1", "--port", str(port), "--username", user, stated["POSTGRES_DB"]]
                programs = find_postgres_programs()
                run_to_end("createdb", [f"{programs}/createdb", *where], self.log_of(name), seconds=30, environment={"PGPASSWORD": password})
        else:
            process = LeashedProcess(name, self.describe_command(name), self.log_of(name), environment=self.describe_environment(name), folder=ROOT)
            self._processes[name] = stack.enter_context(process)
        self._running[name] = stack

    def run_once(self, name: str) -> None:
        """Run a service that ends by itself. Raises ServerFailed when it ends badly."""
        run_to_end(
            name, self.describe_command(name), self.log_of(name), seconds=START_SECONDS,
            environment=self.describe_environment(name), folder=ROOT,
        )  # fmt: skip

    def is_healthy(self, name: str) -> bool:
        """Ask a service's own health check. Raises ServerFailed when the service has ended."""
        process = self._processes.get(name)
        if process and not process.is_running():
            raise ServerFailed(f"{name} has ended by itself: {self.log_of(name)}")
        service = self.services[name]
        words = [self._translate(service, word) for word in service.health_check]
        if name == "redis":
            words = [word.replace("redis-cli", f"redis-cli -p {self.ports[name]}") for word in words]
        with (self.logs / "health.log").open("ab") as log:
            try:
                done = subprocess.run(words, env=self.describe_environment(name), stdout=log, stderr=log, check=False, timeout=CHECK_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                return False
        return done.returncode == 0

    def wait_healthy(self, name: str) -> float:
        """Seconds until a service's own health check is content. Raises ServerFailed when it takes too long."""
        started = time.monotonic()
        while not self.is_healthy(name):
            if time.monotonic() - started > START_SECONDS:
                raise ServerFailed(f"{name} was not healthy after {START_SECONDS:.0f} s: {self.log_of(name)} and {self.logs / 'health.log'}")
            time.sleep(CHECK_SECONDS)
        return time.monotonic() - started

    def run_in(self, name: str, *command: str, seconds: float = 120) -> str:
        """What `docker compose exec <service> <command>` would print. Raises ServerFailed when it ends badly."""
        service = self.services[name]
        words = [self._translate(service, word) for word in command]
        done = subprocess.run(words, env=self.describe_environment(name), cwd=ROOT, capture_output=True, text=True, check=False, timeout=seconds)
        if done.returncode:
            raise ServerFailed(f"{' '.join(command)} in {name} ended with {done.returncode}:\n{done.stdout[-1500:]}\n{done.stderr[-1500:]}")
        return done.stdout

    def end(self, name: str) -> float:
        """End a service as `docker compose stop` does; returns the seconds it took."""
        started = time.monotonic()
        self._processes.pop(name, None)
        self._running.pop(name).close()
        return time.monotonic() - started

    def kill(self, name: str) -> None:
        """kill -9 for a service and all below it: what a lost machine looks like."""
        leash = psutil.Process(self._processes[name].read_server_pid())
        for process in [*leash.children(recursive=True), leash]:
            process.send_signal(signal.SIGKILL)
        self.end(name)

    def measure_memory(self, name: str) -> int:
        """Bytes that a service and all below it hold (proportional set size: shared pages are shared out)."""
        server = psutil.Process(self._processes[name].read_server_pid())
        total = 0
        for process in [server, *server.children(recursive=True)]:
            try:
                total += process.memory_full_info().pss
            except psutil.Error:
                continue
        return total

    def close(self) -> None:
        """End everything, the last started first."""
        for name in reversed(list(self._running)):
            self.end(name)
