"""Start the programs of the acceptance servers and be sure that they end.

command -> leash -> server process -> ready (a port answers) -> … -> nothing left running

Run alone: not useful; used by ``wordpress.py`` and ``bluesky.py``.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

LEASH = Path(__file__).with_name("leash.py")
LOG_TAIL_LINES = 25


class ServerFailed(RuntimeError):
    """A server could not be installed or started, or died; the message says which, why, and what to do."""


def choose_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def choose_ports(count: int) -> list[int]:
    """Return several different free loopback ports."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def find_program(name: str, *folders: str) -> str | None:
    """Find a program on the PATH or in folders that Debian keeps off it."""
    extended = os.pathsep.join([os.environ.get("PATH", ""), *folders, "/usr/sbin", "/usr/local/sbin", "/sbin"])
    return shutil.which(name, path=extended)


def read_tail(log: Path) -> str:
    """Return the last lines of a log for an error message."""
    if not log.exists():
        return "(no log)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])


class LeashedProcess:
    """One server process on its leash; a context manager that returns only when nothing of it is left."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        user: str | None = None,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        stop_signal: str = "SIGTERM",
    ) -> None:
        self.name = name
        self.log = log
        options = ["--stop", stop_signal]
        if user and os.geteuid() == 0:
            options += ["--user", user]
        with log.open("ab") as stream:
            # An own session keeps a Ctrl-C at the terminal from reaching the servers before the run has said goodbye.
            self._process = subprocess.Popen(
                [sys.executable, "-I", str(LEASH), *options, "--", *command],
                stdin=subprocess.PIPE,
                stdout=stream,
                stderr=stream,
                cwd=folder,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )

    def is_running(self) -> bool:
        """Say whether the leash, and so the server, still runs."""
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Exit code of a server that ended by itself; None while it runs."""
        return self._process.poll()

    def wait_until(self, is_ready: Callable[[], bool], seconds: float) -> None:
        """Wait until the server is ready.

        Raises ServerFailed with the end of the log when it dies first or takes longer.
        """
        until = time.monotonic() + seconds
        while not is_ready():
            if not self.is_running():
                raise ServerFailed(f"{self.name} ended while starting. {self.log}:\n{read_tail(self.log)}")
            if time.monotonic() > until:
                tail = read_tail(self.log)
                raise ServerFailed(f"{self.name} was not ready after {seconds:.0f} s. {self.log}:\n{tail}")
            time.sleep(0.1)

    def read_server_pid(self) -> int:
        """Return the process id of the server below the leash."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        if not children:
            raise ServerFailed(f"{self.name} has ended. {self.log}:\n{read_tail(self.log)}")
        return int(children[0])

    def end(self) -> None:
        """End the server and everything it started, and wait for it."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> LeashedProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def run_to_end(
    name: str,
    command: Sequence[str],
    log: Path,
    *,
    seconds: float,
    user: str | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> None:
    """Run a program that ends by itself (an installer, a database initialiser).

    Raises ServerFailed with the end of its output when it fails or takes longer than ``seconds``.
    """
    with LeashedProcess(name, command, log, user=user, environment=environment, folder=folder) as process:
        until = time.monotonic() + seconds
        while process.is_running():
            if time.monotonic() > until:
                raise ServerFailed(f"{name} took longer than {seconds:.0f} s. {log}:\n{read_tail(log)}")
            time.sleep(0.05)
        code = process.exit_code
    if code != 0:
        raise ServerFailed(f"{name} failed with exit code {code}. {log}:\n{read_tail(log)}")


def is_port_open(port: int) -> bool:
    """Say whether something accepts connections on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
