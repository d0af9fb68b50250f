"""The whole run through the command line, against the demo platforms: one of them down, healed, rebuilt from landing, stopped by a gate.

The tests build on each other, as the days of an operator do; each run is a process of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from fifty.demo import DemoSetup, start_demo, stop_demo

ROOT = Path(__file__).resolve().parents[2]
FIFTY = Path(sys.executable).with_name("fifty")
# Nobody listens on the loopback's discard port: a connection is refused at once.
CLOSED = "http://127.0.0.1:9"

pytestmark = pytest.mark.slow


@dataclass
class Installation:
    """A demo that is served, and an installation beside it."""

    setup: DemoSetup
    folder: Path

    @property
    def brand(self) -> Path:
        return self.folder / "data" / self.setup.brand

    def configure(self, *, is_mastodon_down: bool) -> None:
        raw: dict[str, Any] = yaml.safe_load(self.setup.config.read_text(encoding="utf-8"))
        for account in raw["brands"][self.setup.brand]["accounts"]:
            if is_mastodon_down and account["platform"] == "mastodon":
                account["base_url"] = CLOSED
        (self.folder / "fifty.yml").write_text(yaml.safe_dump(raw), encoding="utf-8")

    def call(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        chosen = {
            **os.environ,
            "FIFTY_CONFIG": str(self.folder / "fifty.yml"),
            "FIFTY_DATA": str(self.folder / "data"),
            "FIFTY_SECRETS": str(self.setup.secrets),
            "FIFTY_HTTP_ATTEMPTS": "3",
            **environment,
        }
        return subprocess.run([str(FIFTY), *arguments], cwd=ROOT, env=chosen, capture_output=True, text=True, timeout=900, check=False)

    def run(self, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.call("run", "--as-of", self.setup.as_of.isoformat(), **environment)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str((self.brand / "published" / "marts.duckdb").resolve()), read_only=True) as reader:
            return reader.execute(query).fetchall()

    def fingerprint(self) -> str:
        done = self.call("publish", "--fingerprint", "--json")
        return str(json.loads(done.stdout)[self.setup.brand])

    def versions(self) -> list[str]:
        done = self.call("publish", "--list", "--json")
        return [version["publish_id"] for version in json.loads(done.stdout)[self.setup.brand]["versions"]]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("installation")
    setup, _ = start_demo(folder / "demo")
    try:
        yield Installation(setup, folder)
    finally:
        stop_demo(folder / "demo")


def test_one_platform_down_is_a_warning_and_the_others_are_published(installation: Installation) -> None:
    installation.configure(is_mastodon_down=True)
    done = installation.run()
    assert done.returncode == 0, done.stderr[-3000:]
    assert "warning:" in done.stderr
    assert f"{installation.setup.brand}/mastodon/" in done.stderr
    assert "Traceback" not in done.stderr
    platforms = {row[0] for row in installation.ask("select distinct platform from engagement.posts")}
    assert platforms == {"bluesky", "wordpress"}
    # What could not be had is said where analysts look first.
    believable = installation.ask("select count(*) from ops.completeness where platform = 'mastodon' and is_believable and got_count > 0")
    assert believable == [(0,)]
    missing = installation.ask("select distinct completeness_state from ops.completeness where platform = 'mastodon' and not is_believable")
    assert missing, "coverage does not say that a platform is missing"
    assert all(state in ("partial", "failed", "not_reachable") for (state,) in missing)


def test_the_next_run_brings_what_was_missing(installation: Installation) -> None:
    before = installation.fingerprint()
    installation.configure(is_mastodon_down=False)
    done = installation.run()
    assert done.returncode == 0, done.stderr[-3000:]
    platforms = {row[0] for row in installation.ask("select distinct platform from engagement.posts")}
    assert platforms == {"bluesky", "mastodon", "wordpress"}
    assert installation.fingerprint() != before
    assert len(installation.versions()) > 1
    for name in ("the_fifty", "weekly"):
        assert (installation.brand / "extracts" / name / installation.setup.as_of.isoformat() / "manifest.json").is_file()


def test_a_replay_from_landing_alone_gives_the_identical_fingerprint(installation: Installation) -> None:
    before = installation.fingerprint()
    for name in ("warehouse.duckdb", "marts.duckdb"):
        (installation.brand / name).unlink()
    # Without network: no platform can be asked, and none is.
    installation.configure(is_mastodon_down=True)
    done = installation.call("replay", "--as-of", installation.setup.as_of.isoformat(), HTTP_PROXY=CLOSED, HTTPS_PROXY=CLOSED)
    assert done.returncode == 0, done.stderr[-3000:]
    assert installation.fingerprint() == before


def test_a_failing_mart_gate_ends_with_3_and_the_last_version_stays(installation: Installation, tmp_path: Path) -> None:
    before, versions = installation.fingerprint(), installation.versions()
    suites = tmp_path / "expectations"
    shutil.copytree(ROOT / "expectations", suites)
    path = suites / "marts" / "posts.yml"
    suite = yaml.safe_load(path.read_text(encoding="utf-8"))
    suite["least_rows"] = 1_000_000_000
    path.write_text(yaml.safe_dump(suite), encoding="utf-8")
    done = installation.run(FIFTY_EXPECTATIONS=str(suites))
    assert done.returncode == 3, done.stderr[-3000:]
    assert "marts/posts" in done.stderr
    assert "what was published before stays" in done.stderr
    assert (installation.fingerprint(), installation.versions()) == (before, versions)
    # Nor can it be published by hand.
    assert installation.call("publish", "--as-of", installation.setup.as_of.isoformat()).returncode == 3
    assert installation.versions() == versions
    assert "marts/posts" in installation.call("status").stdout


def test_a_published_version_can_be_rolled_back_and_forward(installation: Installation) -> None:
    older, *_, newer = installation.versions()
    current = installation.fingerprint()
    assert installation.call("publish", "--brand", installation.setup.brand, "--version", older).returncode == 0
    assert installation.fingerprint() != current
    wrong = installation.call("publish", "--brand", installation.setup.brand, "--version", "20200101-000009-00000000")
    assert wrong.returncode == 2
    assert newer in wrong.stderr
    assert installation.call("publish", "--brand", installation.setup.brand, "--version", newer).returncode == 0
    assert installation.fingerprint() == current
