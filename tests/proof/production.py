"""A stand with the demo beside it, and what an operator does with both.

docker-compose.yml, a fifty.yml → Production: started, asked, waited for → Proof: figures and findings

Used by ``tests/proof/run.py`` (does it work, is nothing lost) and ``tests/proof/load.py`` (how much does one machine carry).
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.fernet import Fernet

from bench.results import Figure, measure
from fifty.demo import DemoSetup, start_demo, stop_demo
from tests.acceptance.servers.installation import POSTGRES, REDIS, Requirement
from tests.acceptance.servers.processes import ServerFailed, find_program
from tests.proof.airflow_api import ENDED, AirflowApi, Run
from tests.proof.compose import SECRETS, read_services
from tests.proof.stand import Stand

REQUIREMENTS = (
    POSTGRES,
    REDIS,
    Requirement("Compose", ("docker-compose",), lambda: find_program("docker-compose") is not None),
    Requirement("curl", ("curl",), lambda: find_program("curl") is not None),
)
# In the order in which Compose would start them; the database and init come first.
SERVICES = ("api-server", "scheduler", "dag-processor", "triggerer")
PATIENCE_SECONDS = 300.0
# An operator may wait five minutes for a lost worker to be noticed; a proof need not.
SETTINGS = {
    "FIFTY_RETRY_DELAY_SECONDS": "3",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "20",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
}


@dataclass
class Proof:
    """What has been seen so far."""

    figures: list[Figure] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    """What is not as it must be, each with what was seen."""

    def note(self, figure: Figure) -> None:
        """Keep a figure and say it at once."""
        self.figures.append(figure)
        if figure.met is False:
            self.missed.append(f"{figure.name}: {figure.value} {figure.unit}, aim {figure.aim}")
        print(f"  {figure.name}: {figure.value} {figure.unit}" + ("" if figure.met is not False else f"  MISSED ({figure.aim})"), flush=True)

    def check(self, name: str, is_so: bool, seen: object = "") -> None:
        """Keep whether something is as it must be; 1 is yes."""
        self.figures.append(Figure(name, int(is_so), "yes = 1", "1", is_so))
        said = name + (f" ({seen})" if str(seen) else "")
        if not is_so:
            self.missed.append(said)
        print(f"  {'yes' if is_so else 'NO '} {said}", flush=True)


class Production:
    """A stand with the demo beside it, and what an operator does with both."""

    def __init__(
        self,
        folder: Path,
        demo: DemoSetup,
        *,
        config: Path | None = None,
        profiles: tuple[str, ...] = (),
        settings: Mapping[str, str] | None = None,
        start_seconds: float = 200,
    ) -> None:
        self.demo = demo
        self.due = (datetime.now(UTC) + timedelta(seconds=start_seconds)).replace(second=0, microsecond=0)
        """The minute at which the scheduled pulls fire: late enough for everything to be up."""
        values = {name: secrets.token_urlsafe(24) for name in (*SECRETS, "FIFTY_REDIS_PASSWORD")}
        values["FIFTY_FERNET_KEY"] = Fernet.generate_key().decode()
        if profiles:
            values["FIFTY_EXECUTOR"] = "CeleryExecutor"
        values["FIFTY_PULL_SCHEDULE"] = f"{self.due.minute} {self.due.hour} * * *"
        self.password = values["FIFTY_ADMIN_PASSWORD"]
        self.profiles = profiles
        self.stand = Stand(folder, read_services(values, profiles=profiles), settings={**SETTINGS, **(settings or {})})
        self.api = AirflowApi(f"http://127.0.0.1:{self.stand.ports['api-server']}", "admin", self.password)
        beside = folder / "beside"
        shutil.copy(config or demo.config, beside / "config" / "fifty.yml")
        shutil.copytree(demo.secrets, beside / "secrets", dirs_exist_ok=True)

    @property
    def services(self) -> tuple[str, ...]:
        """Airflow's own services, in the order of their start."""
        return (*(("redis",) if self.profiles else ()), *SERVICES, *(("worker",) if self.profiles else ()))

    def start(self, proof: Proof | None = None, *, with_database: bool = True) -> dict[str, float]:
        """Start everything; returns the seconds until each was healthy by its own check, counted from the first start."""
        started = time.monotonic()
        seconds = {}
        if with_database:
            self.stand.start("postgres")
            self.stand.wait_healthy("postgres")
            seconds["postgres"] = time.monotonic() - started
            began = time.monotonic()
            self.stand.run_once("init")
            seconds["init"] = time.monotonic() - began
        started = time.monotonic()
        for name in self.services:
            self.stand.start(name)
        for name in self.services:
            self.stand.wait_healthy(name)
            seconds[name] = time.monotonic() - started
            print(f"    {name} is healthy", flush=True)
        if proof:
            for name, value in seconds.items():
                proof.note(measure(f"{name} healthy after" if name != "init" else "init ended after", value, "s"))
        self.api.log_in()
        return seconds

    def end(self) -> None:
        """End Airflow's services, the database stays."""
        for name in reversed(self.services):
            self.stand.end(name)

    def ask_fingerprint(self) -> str:
        """Fingerprint of what is published."""
        return self.stand.run_in("scheduler", "fifty", "publish", "--fingerprint", "--brand", self.demo.brand).strip()

    def wait_quiet(self, *, seconds: float = PATIENCE_SECONDS) -> None:
        """Return when no run is under way or waiting, twice in a row: an asset may just be starting the next."""
        quiet = 0

        def look() -> bool | None:
            nonlocal quiet
            quiet = quiet + 1 if all(run.state in ENDED for run in self.api.list_runs()) else 0
            return True if quiet > 4 else None

        self.api.wait_until("all runs to end", look, seconds=seconds)

    def wait_ended(self, run: Run, *, seconds: float = PATIENCE_SECONDS) -> Run:
        """The run when it has ended."""

        def look() -> Run | None:
            now = self.api.find_run(run)
            return now if now.state in ENDED else None

        return self.api.wait_until(f"{run.dag} {run.name} to end", look, seconds=seconds)

    def wait_in_the_middle(self, run: Run, task: str) -> int:
        """Process id of a task of the run that has been at work for a while."""

        def look() -> int | None:
            one = next((one for one in self.api.list_tasks(run) if one["task_id"] == task), None)
            return int(one["pid"]) if one and one["state"] == "running" and one["pid"] else None

        pid = self.api.wait_until(f"{task} of {run.dag} to run", look, seconds=PATIENCE_SECONDS)
        time.sleep(2.5)
        return pid

    def explain(self, run: Run) -> str:
        """Why a run failed: each failed task with the last error of its log, else with what the api-server says: Airflow fails tasks that ended well, too."""
        causes = []
        for one in self.api.list_tasks(run):
            if one["state"] != "failed":
                continue
            try:
                errors = self.api.read_errors(run, one)
            except ServerFailed as error:
                errors = [str(error)]
            if not errors:
                log = self.stand.log_of("api-server").read_text(encoding="utf-8", errors="replace")
                errors = [f"api-server: {line[:500]}" for line in log.splitlines() if "Setting the task to failed" in line]
            causes.append(f"{one['task_id']}, attempt {one['try_number']}: {errors[-1] if errors else 'no log has an error'}")
        return f"{run.dag} {run.name}: {'; '.join(causes) or 'no task failed'}"

    def count_attempts(self, run: Run, task: str) -> int:
        """Attempts that a task took."""
        return int(next(one["try_number"] for one in self.api.list_tasks(run) if one["task_id"] == task))


@contextmanager
def serve_demo(folder: Path) -> Iterator[DemoSetup]:
    """The small demo world, served."""
    setup, process = start_demo(folder, "small")
    try:
        yield setup
    finally:
        stop_demo(folder)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()


def forget_own_settings() -> None:
    """Nothing of this machine's own settings gets into the services."""
    for name in [name for name in os.environ if name.startswith(("FIFTY_", "AIRFLOW", "OPENLINEAGE"))]:
        del os.environ[name]


def work_in_folder(prefix: str, work: Callable[[Path], None], proof: Proof, *, is_kept: bool) -> bool:
    """Do the work in a new folder of the machine; returns whether all came up and ended.

    The folder goes afterwards unless it is kept, the work failed or something was missed: the services' logs in it may be all that says why.
    """
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    # PostgreSQL runs as another user and must pass through.
    folder.chmod(0o755)
    is_done = False
    try:
        work(folder)
        is_done = True
    except ServerFailed as error:
        print(f"\n{error}", file=sys.stderr)
    finally:
        if is_kept or not is_done or proof.missed:
            print(f"Logs: {folder}", flush=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return is_done
