"""Airflow's REST interface, as far as the proof asks it.

address, user, password → token → runs, task instances, a new run

Run alone: not useful; used by ``tests/proof/run.py``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import requests

from tests.acceptance.servers.processes import ServerFailed

Found = TypeVar("Found")
ENDED = ("success", "failed", "skipped", "upstream_failed", "removed")


@dataclass(frozen=True)
class Run:
    """One run of a DAG."""

    dag: str
    name: str
    kind: str
    state: str
    due: datetime | None
    """When it was due: the end of its interval; None for a run that an asset or a person started."""
    started: datetime | None
    ended: datetime | None


def _read_instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


class AirflowApi:
    """Airflow as a logged-in person sees it."""

    def __init__(self, address: str, user: str, password: str) -> None:
        self.address, self._user, self._password = address, user, password
        self._session = requests.Session()

    def log_in(self) -> None:
        """Get a token. Raises ServerFailed when the password is refused."""
        answer = self._session.post(f"{self.address}/auth/token", json={"username": self._user, "password": self._password}, timeout=30)
        if answer.status_code != 201:
            raise ServerFailed(f"Airflow refuses the login: {answer.status_code} {answer.text[:300]}")
        self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def ask(self, method: str, path: str, **arguments: Any) -> Any:
        """The answer to one request. Raises ServerFailed for any status that is no success."""
        answer = self._session.request(method, f"{self.address}/api/v2/{path}", timeout=60, **arguments)
        if answer.status_code == 401:
            self.log_in()
            answer = self._session.request(method, f"{self.address}/api/v2/{path}", timeout=60, **arguments)
        if not answer.ok:
            raise ServerFailed(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer.json() if answer.content else None

    def list_dags(self) -> list[str]:
        """Ids of the DAGs that Airflow has read."""
        return sorted(one["dag_id"] for one in self.ask("GET", "dags", params={"limit": 500})["dags"])

    def list_import_errors(self) -> list[str]:
        """What could not be read."""
        return [f"{one['filename']}: {one['stack_trace']}" for one in self.ask("GET", "importErrors")["import_errors"]]

    def list_runs(self, dag: str = "~") -> list[Run]:
        """Runs of a DAG (default: of all), oldest first."""
        runs, offset = [], 0
        while True:
            answer = self.ask("GET", f"dags/{dag}/dagRuns", params={"limit": 100, "offset": offset, "order_by": "run_after"})
            runs += answer["dag_runs"]
            offset += 100
            if offset >= answer["total_entries"]:
                break
        return [
            Run(
                one["dag_id"], one["dag_run_id"], one["run_type"], one["state"], _read_instant(one["data_interval_end"]),
                _read_instant(one["start_date"]), _read_instant(one["end_date"]),
            )
            for one in runs
        ]  # fmt: skip

    def list_tasks(self, run: Run) -> list[dict[str, Any]]:
        """Task instances of a run, as Airflow gives them."""
        found: list[dict[str, Any]] = self.ask("GET", f"dags/{run.dag}/dagRuns/{run.name}/taskInstances", params={"limit": 200})["task_instances"]
        return found

    def read_errors(self, run: Run, task: Mapping[str, Any]) -> list[str]:
        """What the log of a task's last attempt says of errors, the last one last. Raises ServerFailed where Airflow has no log."""
        answer = self.ask(
            "GET", f"dags/{run.dag}/dagRuns/{run.name}/taskInstances/{task['task_id']}/logs/{task['try_number']}",
            params={"map_index": task["map_index"], "full_content": True}, headers={"Accept": "application/json"},
        )  # fmt: skip
        errors = [line for line in answer["content"] if isinstance(line, dict) and line.get("level") in ("error", "critical")]
        thrown = [f"{cause['exc_type']}: {cause['exc_value']}" for line in errors for cause in line.get("error_detail") or []]
        return [*(str(line.get("event")) for line in errors), *thrown]

    def trigger(self, dag: str, **conf: Any) -> Run:
        """Start a run by hand."""
        one = self.ask("POST", f"dags/{dag}/dagRuns", json={"logical_date": None, "conf": conf})
        return Run(dag, one["dag_run_id"], one["run_type"], one["state"], None, None, None)

    def find_run(self, run: Run) -> Run:
        """The run as it is now."""
        return next(one for one in self.list_runs(run.dag) if one.name == run.name)

    def wait_until(self, what: str, look: Callable[[], Found | None], *, seconds: float) -> Found:
        """What `look` finds, as soon as it finds something. Raises ServerFailed after so many seconds."""
        until = time.monotonic() + seconds
        while (found := look()) is None:
            if time.monotonic() > until:
                states = "\n".join(f"  {run.dag} {run.name} {run.state}" for run in self.list_runs() if run.state not in ("success",))
                raise ServerFailed(f"waited {seconds:.0f} s in vain: {what}. Runs that are no success:\n{states}")
            time.sleep(1)
        return found
