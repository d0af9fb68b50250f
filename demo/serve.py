"""Serving a world: one process per service, kept by a parent that notices when one dies and takes all with it when it ends.

Data flow: DIR/world.json, now.json, faults.json -> service processes on free loopback ports -> healthy -> DIR/addresses.json -> one ready line.
One service alone, in the foreground: ``python -m demo.serve --dir DIR --service mastodon --port 8123``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import uvicorn

from demo.model import WorldHead, format_utc, parse_instant, read_head, write_atomically
from demo.platforms import PLATFORMS
from demo.platforms.base import make_secret
from demo.platforms.bluesky import make_app_password
from demo.platforms.wordpress import make_application_password

HOST = "127.0.0.1"
HEALTH_SECONDS = 60.0
PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux


def take_port(wanted: int | None) -> int:
    """A free loopback port: the wanted one when it is free, so that addresses stay over restarts."""
    for port in filter(None, (wanted, None)) if wanted else (0,):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
            return int(probe.getsockname()[1])
    return take_port(None)


def end_with_parent(parent: int) -> None:
    """Have the kernel end this process with its parent (Linux), also when the parent is killed."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGTERM)
    if os.getppid() != parent:
        raise SystemExit("the parent process ended before this service began")


async def watch_parent(parent: int, server: uvicorn.Server) -> None:
    """Stop the server when the parent is no longer the parent (where the kernel cannot say so)."""
    while not server.should_exit:
        if os.getppid() != parent:
            server.should_exit = True
        await asyncio.sleep(0.5)


def run_service(directory: Path, service: str, port: int, limits: str, parent: int | None) -> None:
    """Serve one service until told to stop. Raises KeyError for an unknown service."""
    if parent is not None:
        end_with_parent(parent)
    platform = PLATFORMS[service](directory, limits)
    config = uvicorn.Config(
        platform.app,
        host=HOST,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        lifespan="off",
        ws="none",
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)

    async def serve() -> None:
        watcher = asyncio.create_task(watch_parent(parent, server)) if parent is not None else None
        await server.serve()
        if watcher is not None:
            watcher.cancel()

    # The loop factory of the configuration is the quickest one that is installed.
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(serve())


def is_healthy(url: str) -> bool:
    """Whether a service answers at all; an error is an answer too."""
    try:
        with urllib.request.urlopen(url, timeout=1):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def write_moment(directory: Path, now: int) -> None:
    """Move all services to a moment: they look at this file with each request."""
    write_atomically(directory / "now.json", json.dumps({"now": format_utc(now)}) + "\n")
    addresses = directory / "addresses.json"
    with contextlib.suppress(FileNotFoundError):
        said = json.loads(addresses.read_text(encoding="utf-8"))
        said |= describe_moment(read_head(directory), now)
        write_atomically(addresses, json.dumps(said, indent=2, ensure_ascii=False) + "\n")


def read_moment(directory: Path) -> int | None:
    """The moment of now.json, None where there is none."""
    try:
        return parse_instant(json.loads((directory / "now.json").read_text(encoding="utf-8"))["now"])
    except FileNotFoundError:
        return None


def describe_moment(head: WorldHead, now: int) -> dict[str, Any]:
    """The moment served, and the last day of which something can be seen."""
    return {"now": format_utc(now), "as_of": format_utc(min(now, head.end - 1))[:10]}


def describe_addresses(head: WorldHead, directory: Path, ports: dict[str, int], now: int) -> dict[str, Any]:
    """What DIR/addresses.json says: where everything is, who is who, and the demo's own credentials."""
    url = {service: f"http://{HOST}:{port}" for service, port in ports.items()}
    return {
        "pid": os.getpid(),
        "preset": head.preset,
        "seed": head.seed,
        "anchor": head.anchor.isoformat(),
        "world_start": format_utc(head.start),
        "world_end": format_utc(head.end),
        **describe_moment(head, now),
        "brands": [describe_brand(head, directory, url, key) for key in head.brands],
    }


def describe_brand(head: WorldHead, directory: Path, url: dict[str, str], key: str) -> dict[str, Any]:
    """One brand of addresses.json."""
    brand = head.brands[key]
    own = {row["platform"]: row for row in brand["accounts"] if row["role"] == "brand"}

    def secret(purpose: str) -> str:
        return make_secret(head.seed, key, purpose)

    logins: dict[str, Callable[[dict[str, Any]], dict[str, str]]] = {
        "mastodon": lambda row: {"base_url": url["mastodon"], "account_id": row["account_id"], "token": secret("mastodon-token")},
        "bluesky": lambda row: {
            "base_url": url["bluesky"],
            "pds_url": url["bluesky_pds"],
            "did": row["account_id"],
            "app_password": make_app_password(secret("bluesky-password")),
        },
        "wordpress": lambda row: {
            "base_url": f"{url['wordpress']}/{key}",
            "user": row["handle"],
            "account_id": row["account_id"],
            "app_password": make_application_password(secret("wordpress-password")),
        },
    }
    return {
        "brand": {name: value for name, value in brand.items() if name not in ("accounts", "campaigns")},
        "platforms": {name: {"handle": own[name]["handle"]} | login(own[name]) for name, login in logins.items() if name in own},
        "accounts": brand["accounts"],
        "campaigns": brand["campaigns"],
        "business_dir": str(directory / "business" / key),
        "truth_dir": str(directory / "truth" / key),
    }


class Supervisor:
    """Starts the services, waits until they answer, and ends them all together."""

    def __init__(self, directory: Path, limits: str) -> None:
        self.directory, self.limits = directory, limits
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.ports: dict[str, int] = {}
        self.is_stopping = False

    def start(self) -> None:
        """Start every service."""
        before: dict[str, int] = {}
        with contextlib.suppress(OSError, ValueError):
            before = json.loads((self.directory / "ports.json").read_text(encoding="utf-8"))
        logs = self.directory / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        for service in PLATFORMS:
            self.ports[service] = take_port(before.get(service))
            options = {"dir": self.directory, "service": service, "port": self.ports[service], "limits": self.limits, "parent": os.getpid()}
            command = [sys.executable, "-m", "demo.serve", *(str(word) for name, value in options.items() for word in (f"--{name}", value))]
            with (logs / f"{service}.log").open("ab") as log:
                self.processes[service] = subprocess.Popen(
                    command,
                    stdout=log,
                    stderr=log,
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,
                    cwd=Path(__file__).resolve().parent.parent,
                )
        write_atomically(self.directory / "ports.json", json.dumps(self.ports) + "\n")

    def wait_until_healthy(self) -> None:
        """Return when all services answer. Raises RuntimeError when one does not come up."""
        deadline = time.monotonic() + HEALTH_SECONDS
        for service, process in self.processes.items():
            while not self.is_stopping and not is_healthy(f"http://{HOST}:{self.ports[service]}/"):
                if process.poll() is not None or time.monotonic() > deadline:
                    log = self.directory / "logs" / f"{service}.log"
                    raise RuntimeError(f"service {service} did not come up on port {self.ports[service]}: see {log}")
                time.sleep(0.05)

    def watch(self) -> int:
        """Wait until told to stop (0) or until a service ends by itself (1)."""
        while not self.is_stopping:
            for service, process in self.processes.items():
                if process.poll() is not None:
                    print(
                        f"demo: service {service} ended with {process.returncode}; see {self.directory / 'logs' / service}.log",
                        file=sys.stderr,
                        flush=True,
                    )
                    return 1
            time.sleep(0.1)
        return 0

    def stop(self) -> None:
        """End every service, patiently first."""
        for process in self.processes.values():
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + 4
        for process in self.processes.values():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def serve_world(directory: Path, now: int, limits: str, prepare: Callable[[], None]) -> int:
    """Serve the world in ``directory`` until SIGTERM or SIGINT; ``prepare`` is called while the services start. Returns the exit code."""
    head = read_head(directory)
    supervisor = Supervisor(directory, limits)
    addresses = directory / "addresses.json"

    def ask_to_stop(signal_number: int, frame: object) -> None:
        supervisor.is_stopping = True

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, ask_to_stop)
    try:
        supervisor.start()
        prepare()
        supervisor.wait_until_healthy()
        if supervisor.is_stopping:
            return 0
        described = describe_addresses(head, directory, supervisor.ports, now)
        write_atomically(addresses, json.dumps(described, indent=2, ensure_ascii=False) + "\n")
        where = " ".join(f"{service}=http://{HOST}:{port}" for service, port in supervisor.ports.items())
        names = ", ".join(brand["name"] for brand in list(head.brands.values())[:3]) + (" …" if len(head.brands) > 3 else "")
        print(f"demo ready: {names} as of {format_utc(now)}, {where}, addresses in {addresses}", flush=True)
        return supervisor.watch()
    except RuntimeError as error:
        print(f"demo: {error}", file=sys.stderr, flush=True)
        return 1
    finally:
        supervisor.stop()
        addresses.unlink(missing_ok=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one service in the foreground; what the supervisor starts."""
    parser = argparse.ArgumentParser(prog="python -m demo.serve", description="Serve one service of a demo world.")
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--service", choices=sorted(PLATFORMS), required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--limits", choices=["raised", "true"], default="true")
    parser.add_argument("--parent", type=int)
    options = parser.parse_args(arguments)
    run_service(options.dir, options.service, options.port, options.limits, options.parent)


if __name__ == "__main__":
    main()
