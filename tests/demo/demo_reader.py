"""What the demo's tests read with: a patient client of the three platforms, and the recorded truth."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import requests

ROOT = Path(__file__).resolve().parents[2]
ANCHOR = "2026-03-02"
WORLD = ("--preset", "small", "--seed", "7", "--anchor", ANCHOR)


def start_demo(directory: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start the demo and wait for its ready line."""
    command = [sys.executable, "-m", "demo", "serve", "--dir", str(directory), *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line.startswith("demo ready"):
        process.kill()
        raise AssertionError(f"the demo did not come up: {line!r} {process.communicate()[1]!r}")
    return process


def read_addresses(directory: Path) -> dict[str, Any]:
    """What addresses.json says of the world and of its first brand."""
    said: dict[str, Any] = json.loads((directory / "addresses.json").read_text(encoding="utf-8"))
    return said | said["brands"][0]


class Reader:
    """A client that waits out every 429 by the platform's own word, and counts them."""

    def __init__(self, addresses: dict[str, Any]) -> None:
        self.addresses, self.session, self.refusals = addresses, requests.Session(), 0

    def get(self, platform: str, path: str, *, key: str = "base_url", **named: Any) -> requests.Response:
        """One answer, however often the platform first refuses. ``path`` may be a whole address, as a Link gives it."""
        url = path if path.startswith("http") else self.addresses["platforms"][platform][key] + path
        for _ in range(8):
            response = self.session.get(url, timeout=10, **named)
            if response.status_code != 429:
                return response
            self.refusals += 1
            time.sleep(read_wait(response))
        raise AssertionError(f"{url}: refused eight times")

    def mastodon(self, path: str, **parameters: Any) -> requests.Response:
        """A Mastodon answer with the brand's token."""
        return self.get(
            "mastodon", path, params=parameters or None, headers={"Authorization": f"Bearer {self.addresses['platforms']['mastodon']['token']}"}
        )

    def walk_mastodon(self, path: str, **parameters: Any) -> list[dict[str, Any]]:
        """All items of a Mastodon list, following Link to its end."""
        response, items = self.mastodon(path, **parameters), []
        while True:
            assert response.status_code == 200, response.text
            items += response.json()
            if "next" not in response.links:
                return items
            response = self.mastodon(response.links["next"]["url"])

    def bluesky(self, method: str, **parameters: Any) -> requests.Response:
        """An AppView answer."""
        return self.get("bluesky", f"/xrpc/{method}", params=parameters)

    def walk_bluesky(self, method: str, field: str, **parameters: Any) -> list[dict[str, Any]]:
        """All items of a Bluesky list, following the cursor to its end."""
        items: list[dict[str, Any]] = []
        while True:
            body = self.bluesky(method, **parameters).json()
            items += body[field]
            if not body.get("cursor"):
                return items
            assert body["cursor"] != parameters.get("cursor"), f"{method} repeats its cursor"
            parameters["cursor"] = body["cursor"]

    def wordpress(self, path: str, is_administrator: bool = False, **parameters: Any) -> requests.Response:
        """A WordPress answer."""
        own = self.addresses["platforms"]["wordpress"]
        login = (own["user"], own["app_password"]) if is_administrator else None
        return self.get("wordpress", f"/wp-json/wp/v2{path}", params=parameters, auth=login)

    def walk_wordpress(self, path: str, **parameters: Any) -> list[dict[str, Any]]:
        """All items of a WordPress collection, page by page up to X-WP-TotalPages."""
        first = self.wordpress(path, **parameters)
        items = first.json()
        for page in range(2, int(first.headers["X-WP-TotalPages"]) + 1):
            items += self.wordpress(path, page=page, **parameters).json()
        assert len(items) == int(first.headers["X-WP-Total"])
        return items


def read_wait(response: requests.Response) -> float:
    """Seconds to wait after a 429: Retry-After, else the reset time in the platform's style."""
    if "Retry-After" in response.headers:
        return float(response.headers["Retry-After"])
    if "X-RateLimit-Reset" in response.headers:
        reset = datetime.fromisoformat(response.headers["X-RateLimit-Reset"].replace("Z", "+00:00"))
        return max(0.0, (reset - datetime.now(UTC)).total_seconds()) + 0.01
    return max(0.0, float(response.headers["RateLimit-Reset"]) - time.time())


class Truth:
    """The recorded truth of a brand of the served world."""

    def __init__(self, directory: Path, brand: str = "moorhen") -> None:
        self.directory = directory / "truth" / brand
        self.tables: dict[str, list[dict[str, Any]]] = {}

    def read(self, table: str, **wanted: Any) -> list[dict[str, Any]]:
        """The rows of a truth table with the wanted values."""
        if table not in self.tables:
            self.tables[table] = pq.read_table(self.directory / f"{table}.parquet").to_pylist()
        return [row for row in self.tables[table] if all(row[name] == value for name, value in wanted.items())]
