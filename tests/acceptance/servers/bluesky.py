"""A real Bluesky network on loopback: PLC directory, PDS, AppView, moderation service, PostgreSQL, Redis.

start_bluesky(folder) -> PostgreSQL + Redis -> Node.js process -> Bluesky(pds_url, appview_url, …)

The directory lives in memory: each start is a new network. Run alone: ``python -m tests.acceptance.servers.bluesky``
keeps one running until Enter is pressed.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.acceptance.servers.installation import NETWORK_FOLDER, install_all
from tests.acceptance.servers.postgres import start_postgres
from tests.acceptance.servers.processes import (
    LeashedProcess,
    ServerFailed,
    choose_ports,
    find_program,
    is_port_open,
)

BYPASS_KEY = "the-story-is-told-faster-than-people-type"


@dataclass
class Account:
    """One account of the network with its open session."""

    did: str
    handle: str
    password: str
    access_token: str


@dataclass(frozen=True)
class Bluesky:
    """A running network: where its servers answer, and what the story needs to be told through their APIs."""

    pds_url: str
    appview_url: str
    plc_url: str
    control_url: str

    def call(
        self,
        method: str,
        *,
        account: Account | None = None,
        body: Mapping[str, Any] | None = None,
        parameters: Mapping[str, Any] | None = None,
        server: str | None = None,
    ) -> dict[str, Any]:
        """Call one XRPC method of the PDS: a procedure when ``body`` is given, else a query.

        Raises ServerFailed with the server's own words on any status but 200.
        """
        headers = {"x-ratelimit-bypass": BYPASS_KEY}
        if account is not None:
            headers["Authorization"] = f"Bearer {account.access_token}"
        url = f"{server or self.pds_url}/xrpc/{method}"
        if body is None:
            answer = requests.get(url, params=parameters, headers=headers, timeout=60)
        else:
            answer = requests.post(url, json=body, headers=headers, timeout=60)
        if answer.status_code != 200:
            raise ServerFailed(f"{method} answered {answer.status_code}: {answer.text[:300]}")
        parsed: dict[str, Any] = answer.json() if answer.content else {}
        return parsed

    def create_account(self, handle: str) -> Account:
        """Create an account ``<handle>.test`` and open its session."""
        password = f"password-of-{handle}"
        name = f"{handle}.test"
        answer = self.call(
            "com.atproto.server.createAccount",
            body={"handle": name, "email": f"{handle}@example.test", "password": password},
        )
        return Account(answer["did"], name, password, answer["accessJwt"])

    def settle(self) -> None:
        """Wait until the AppView shows everything that the PDS has accepted."""
        answer = requests.post(f"{self.control_url}/settle", timeout=180)
        if answer.status_code != 200:
            raise ServerFailed(f"The AppView did not catch up: {answer.text[:500]}")


@contextmanager
def start_redis(folder: Path) -> Iterator[str]:
    """Run a private Redis that keeps nothing and yield its host and port."""
    program = find_program("redis-server")
    if program is None:
        raise ServerFailed("Redis is not installed.")
    port = choose_ports(1)[0]
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with LeashedProcess("Redis", command, folder / "logs" / "redis.log", folder=folder) as process:
        process.wait_until(lambda: is_port_open(port), seconds=20)
        yield f"127.0.0.1:{port}"


@contextmanager
def start_bluesky(folder: Path) -> Iterator[Bluesky]:
    """Run a new, empty Bluesky network in ``folder`` (must be readable for the database's user) and yield it.

    Raises ServerFailed when a part cannot be installed or started.
    """
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    temporary = folder / "tmp"
    temporary.mkdir()
    tree, _ = install_all(folder / "logs")
    # Node.js resolves imports from the script's own folder, so the script goes beside node_modules' link.
    program = folder / "network"
    program.mkdir()
    shutil.copy(NETWORK_FOLDER / "network.mjs", program / "network.mjs")
    (program / "node_modules").symlink_to(tree.folder / "node_modules")
    plc, pds, appview, ozone, control = choose_ports(5)
    ready = folder / "ready.json"
    with ExitStack() as stack:
        postgres_url = f"postgresql://network@127.0.0.1:{stack.enter_context(start_postgres(folder))}/postgres"
        redis_host = stack.enter_context(start_redis(folder))
        settings = {
            "plc_port": plc,
            "pds_port": pds,
            "appview_port": appview,
            "ozone_port": ozone,
            "control_port": control,
            "postgres_url": postgres_url,
            "postgres_schema": "story",
            "rate_limit_bypass_key": BYPASS_KEY,
            "ready_file": str(ready),
        }
        process = stack.enter_context(
            LeashedProcess(
                "the Bluesky network",
                [str(tree.node), "network.mjs", json.dumps(settings)],
                folder / "logs" / "network.log",
                environment={"REDIS_HOST": redis_host, "TMPDIR": str(temporary), "LOG_ENABLED": "false"},
                folder=program,
            )
        )
        process.wait_until(ready.exists, seconds=120)
        answer = json.loads(ready.read_text())
        yield Bluesky(answer["pds_url"], answer["appview_url"], answer["plc_url"], answer["control_url"])


if __name__ == "__main__":
    import tempfile

    started = time.monotonic()
    root = Path(tempfile.mkdtemp(prefix="fifty-bluesky-"))
    root.chmod(0o755)
    try:
        with start_bluesky(root) as network:
            print(network, f"up after {time.monotonic() - started:.1f} s; Enter ends it", flush=True)
            input()
    finally:
        shutil.rmtree(root, ignore_errors=True)
