"""Serving a world: one process per service, kept by a parent that notices when one dies and takes all with it when it ends.

Data flow: DIR/world.json -> service processes on free loopback ports -> healthy -> DIR/addresses.json -> one ready line.
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
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvicorn

from demo.model import World, format_utc, load_world, parse_instant, write_atomically
from demo.platforms import PLATFORMS
from demo.platforms.base import make_secret, parse_faults
from demo.platforms.bluesky import make_app_password
from demo.platforms.wordpress import ADMINISTRATOR, make_application_password

HOST = "127.0.0.1"
HEALTH_SECONDS = 20.0
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


def run_service(directory: Path, service: str, port: int, now: int, limits: str, faults: str, parent: int | None) -> None:
    """Serve one service until told to stop. Raises KeyError for an unknown service."""
    kind = PLATFORMS[service]
    if parent is not None:
        end_with_parent(parent)
    platform = kind(load_world(directory, platform=kind.platform), now, limits, parse_faults(faults).get(service))
    config = uvicorn.Config(
        platform.app,
        host=HOST,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)

    async def serve() -> None:
        watcher = asyncio.create_task(watch_parent(parent, server)) if parent is not None else None
        await server.serve()
        if watcher is not None:
            watcher.cancel()

    asyncio.run(serve())


def is_healthy(url: str) -> bool:
    """Whether a service answers at all; a 429 or a fault is an answer too."""
    try:
        with urllib.request.urlopen(url, timeout=1):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def describe_addresses(world: World, directory: Path, ports: dict[str, int], now: int) -> dict[str, Any]:
    """What DIR/addresses.json says: where everything is, who is who, and the demo's own credentials."""
    brand, url = world.brand, {service: f"http://{HOST}:{port}" for service, port in ports.items()}
    own = {row["platform"]: row for row in brand["accounts"] if row["role"] == "brand"}
    last_day = world.end - 1
    return {
        "pid": os.getpid(),
        "seed": world.seed,
        "anchor": world.anchor.isoformat(),
        "now": format_utc(now),
        "as_of": format_utc(min(now, last_day))[:10],
        "world_start": format_utc(world.start),
        "world_end": format_utc(world.end),
        "business_dir": str(directory / "business"),
        "truth_dir": str(directory / "truth"),
        "brand": {k: brand[k] for k in ("name", "key", "timezone", "currency", "language", "working_hours", "terms", "hashtags")},
        "platforms": {
            "mastodon": {
                "base_url": url["mastodon"],
                "handle": own["mastodon"]["handle"],
                "account_id": own["mastodon"]["account_id"],
                "token": make_secret(world.seed, "mastodon-token"),
            },
            "bluesky": {
                "base_url": url["bluesky"],
                "pds_url": url["bluesky_pds"],
                "handle": own["bluesky"]["handle"],
                "did": own["bluesky"]["account_id"],
                "app_password": make_app_password(make_secret(world.seed, "bluesky-password")),
            },
            "wordpress": {
                "base_url": url["wordpress"],
                "user": ADMINISTRATOR,
                "account_id": own["wordpress"]["account_id"],
                "app_password": make_application_password(make_secret(world.seed, "wordpress-password")),
            },
        },
        "accounts": brand["accounts"],
        "campaigns": brand["campaigns"],
    }


class Supervisor:
    """Starts the services, waits until they answer, and ends them all together."""

    def __init__(self, directory: Path, now: int, limits: str, faults: str) -> None:
        self.directory, self.now, self.limits, self.faults = directory, now, limits, faults
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.ports: dict[str, int] = {}
        self.is_stopping = False

    def start(self) -> None:
        """Start every service. Raises RuntimeError when one does not come up."""
        before: dict[str, int] = {}
        with contextlib.suppress(OSError, ValueError):
            before = json.loads((self.directory / "ports.json").read_text(encoding="utf-8"))
        logs = self.directory / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        for service in PLATFORMS:
            self.ports[service] = take_port(before.get(service))
            command = [
                sys.executable,
                "-m",
                "demo.serve",
                "--dir",
                str(self.directory),
                "--service",
                service,
                "--port",
                str(self.ports[service]),
                "--now",
                format_utc(self.now),
                "--limits",
                self.limits,
                "--faults",
                self.faults,
                "--parent",
                str(os.getpid()),
            ]
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
        deadline = time.monotonic() + HEALTH_SECONDS
        for service, process in self.processes.items():
            while not is_healthy(f"http://{HOST}:{self.ports[service]}{PLATFORMS[service].health_path}"):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"service {service} did not come up on port {self.ports[service]}: see {logs / service}.log")
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


def serve_world(directory: Path, now: int, limits: str, faults: str) -> int:
    """Serve the world in ``directory`` until SIGTERM or SIGINT. Returns the exit code."""
    world = load_world(directory)
    supervisor = Supervisor(directory, now, limits, faults)
    addresses = directory / "addresses.json"

    def ask_to_stop(signal_number: int, frame: object) -> None:
        supervisor.is_stopping = True

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, ask_to_stop)
    try:
        supervisor.start()
        write_atomically(
            addresses,
            json.dumps(describe_addresses(world, directory, supervisor.ports, now), indent=2, ensure_ascii=False) + "\n",
        )
        where = " ".join(f"{service}=http://{HOST}:{port}" for service, port in supervisor.ports.items())
        print(f"demo ready: {world.brand['name']} as of {format_utc(now)}, {where}, addresses in {addresses}", flush=True)
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
    parser.add_argument("--now", type=parse_instant)
    parser.add_argument("--limits", choices=["raised", "true"], default="raised")
    parser.add_argument("--faults", default="")
    parser.add_argument("--parent", type=int)
    options = parser.parse_args(arguments)
    now = options.now if options.now is not None else load_world(options.dir, platform="none").end
    run_service(options.dir, options.service, options.port, now, options.limits, options.faults, options.parent)


if __name__ == "__main__":
    main()
