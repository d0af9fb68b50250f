"""The platforms of a world over HTTP, each by the command that serves one; the moment they answer as of can be set."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from demo.platforms import PLATFORMS

ROOT = Path(__file__).resolve().parents[2]
ANCHOR = date(2026, 3, 2)
END = datetime(2026, 3, 2, tzinfo=UTC)
DAY_BEFORE = END - timedelta(days=1)


class Served:
    """The services of a world, each a process; `move` sets the moment they answer as of."""

    def __init__(self, world: Path, moment: datetime) -> None:
        self.world = world
        self.move(moment)
        self.ports: dict[str, int] = {}
        self.processes: list[subprocess.Popen[bytes]] = []

    def move(self, moment: datetime) -> None:
        temporary = self.world / ".now.json"
        temporary.write_text(json.dumps({"now": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")}), encoding="utf-8")
        temporary.replace(self.world / "now.json")

    def start(self) -> None:
        for service in PLATFORMS:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.ports[service] = probe.getsockname()[1]
            command = [sys.executable, "-m", "demo.serve", "--dir", str(self.world), "--service", service, "--limits", "raised"]
            self.processes.append(subprocess.Popen([*command, "--port", str(self.ports[service])], cwd=ROOT))
        deadline = time.monotonic() + 60
        for port in self.ports.values():
            while not answers(port):
                assert time.monotonic() < deadline, f"nothing answers on port {port}"
                time.sleep(0.1)

    def stop(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(10)


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
