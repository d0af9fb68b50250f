"""A private PostgreSQL on loopback, for as long as a run lasts.

folder → initdb, once → postgres → its port

Run alone: not useful; used by ``bluesky.py`` and by ``tests/proof``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.acceptance.servers.installation import find_postgres_programs
from tests.acceptance.servers.processes import LeashedProcess, ServerFailed, choose_ports, is_port_open, run_to_end


@contextmanager
def start_postgres(folder: Path, *, user: str = "network", password: str | None = None, port: int | None = None) -> Iterator[int]:
    """Run a private PostgreSQL in ``folder`` and yield its port; without a password everybody on this machine may connect.

    Raises ServerFailed when it is not installed or does not start.
    """
    programs = find_postgres_programs()
    if programs is None:
        raise ServerFailed("PostgreSQL is not installed.")
    system_user = "postgres" if os.geteuid() == 0 else None
    data, log = folder / "postgres", folder / "logs" / "postgres.log"
    if not data.exists():
        _make_cluster(programs, data, log, user=user, password=password, system_user=system_user)
    port = port or choose_ports(1)[0]
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": str(data),
        "max_connections": "200",
        # The database lives as long as the run: durability would only cost time.
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "jit": "off",
    }
    command = [str(programs / "postgres"), "-D", str(data)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    # SIGINT is PostgreSQL's fast shutdown; on SIGTERM it waits for its clients.
    with LeashedProcess("PostgreSQL", command, log, user=system_user, folder=data, stop_signal="SIGINT") as process:
        process.wait_until(lambda: is_port_open(port), seconds=30)
        yield port


def _make_cluster(programs: Path, data: Path, log: Path, *, user: str, password: str | None, system_user: str | None) -> None:
    data.mkdir()
    if system_user:
        shutil.chown(data, system_user)
    command = [
        *(str(programs / "initdb"), "--pgdata", str(data), "--username", user, "--no-locale", "--encoding", "UTF8", "--no-sync"),
        *("--auth", "scram-sha-256" if password else "trust"),
    ]
    if not password:
        run_to_end("initdb", command, log, seconds=60, user=system_user, folder=data.parent)
        return
    secret = data.parent / "postgres-password"
    try:
        secret.touch(mode=0o600)
        secret.write_text(password, encoding="utf-8")
        if system_user:
            shutil.chown(secret, system_user)
        run_to_end("initdb", [*command, "--pwfile", str(secret)], log, seconds=60, user=system_user, folder=data.parent)
    finally:
        secret.unlink(missing_ok=True)
