"""The demo world and the pipeline as two things that meet over HTTP alone.

`python -m demo serve` → addresses.json → fifty.yml → `python -m fifty.cli …` (a process each) → exit code, words, files

Reads the recorded truth of the world; imports nothing of it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import yaml

from fifty.demo import write_setup

ROOT = Path(__file__).resolve().parents[2]
# Any day in the past: the same world, and the same result, whenever the tests run.
ANCHOR = "2026-03-02"
WORLD = ("--preset", "small", "--seed", "7", "--anchor", ANCHOR)


@dataclass(frozen=True)
class FinishedRun:
    """A brand's folder and what the command that filled it said."""

    root: Path
    said: subprocess.CompletedProcess[str]

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.root.parent

    @property
    def answer(self) -> dict[str, Any]:
        """What `--json` said of the one brand."""
        found: list[dict[str, Any]] = json.loads(self.said.stdout)
        return found[0]

    def read_stage(self, stage: str) -> dict[str, Any]:
        """The report of one stage."""
        return next(report for report in self.answer["stages"] if report["stage"] == stage)

    def copy(self, data: Path) -> FinishedRun:
        """The same in another data directory, links as links."""
        data.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", str(self.root), str(data)], check=True)
        return FinishedRun(data / self.root.name, self.said)

    def ask(self, query: str, *values: object, file: str = "warehouse.duckdb") -> list[tuple[Any, ...]]:
        """Rows of a query over one of the brand's files."""
        with duckdb.connect(str(self.root / file), read_only=True) as reader:
            reader.execute("set timezone = 'UTC'")
            return reader.execute(query, list(values)).fetchall()

    def ask_published(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of a query over what readers see."""
        return self.ask(query, *values, file="published/marts.duckdb")


class DemoWorld:
    """One demo world in a folder; `start` and `stop` as often as wanted, at different moments and with different faults."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.brand = ""
        self.truth = folder
        self.as_of = ""
        self.process: subprocess.Popen[str] | None = None

    def start(self, *, now: str | None = None, faults: str | None = None) -> None:
        """Serve the world; `now` is the moment at which it is answered, by default its end."""
        command = [sys.executable, "-m", "demo", "serve", "--dir", str(self.folder), *WORLD, "--limits", "raised"]
        command += [*(("--now", now) if now else ()), *(("--faults", faults) if faults else ())]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline().startswith("demo ready"), "the demo did not come up"
        setup = write_setup(self.folder)
        self.brand, self.truth = setup.brand, setup.truth[setup.brand]
        self.as_of = now[:10] if now else ANCHOR

    def travel(self, now: str) -> None:
        """Move everything that is served, and the truth, to another moment."""
        command = [sys.executable, "-m", "demo", "travel", "--dir", str(self.folder), "--now", now]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        self.as_of = now[:10]

    def stop(self) -> None:
        """End its processes."""
        if self.process is not None:
            self.process.terminate()
            assert self.process.wait(20) == 0
            self.process = None

    def change_config(self, path: Path, **changes: Any) -> Path:
        """Write a fifty.yml in which the brand has other settings; returns its path."""
        config = yaml.safe_load((self.folder / "fifty.yml").read_text(encoding="utf-8"))
        config["brands"][self.brand] |= changes
        path.write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
        return path

    def run_fifty(self, data: Path, *arguments: str, prefix: Sequence[str] = (), **environment: str) -> subprocess.CompletedProcess[str]:
        """One `fifty` command in a process of its own."""
        variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith("FIFTY_")},
            "FIFTY_CONFIG": str(self.folder / "fifty.yml"),
            "FIFTY_SECRETS": str(self.folder / "secrets"),
            "FIFTY_DATA": str(data),
            "FIFTY_LOG_LEVEL": "WARNING",
            # A platform that is down is asked twice, not for a quarter of an hour.
            "FIFTY_HTTP_ATTEMPTS": "4",
            "FIFTY_HTTP_LONGEST_WAIT_SECONDS": "5",
            **environment,
        }
        command = [*prefix, sys.executable, "-m", "fifty.cli", *arguments]
        return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=1200, check=False)

    @property
    def terms(self) -> list[str]:
        """The words the brand is found by."""
        terms: list[str] = yaml.safe_load((self.folder / "fifty.yml").read_text(encoding="utf-8"))["brands"][self.brand]["terms"]
        return terms

    def read_truth(self, table: str) -> list[dict[str, Any]]:
        """Rows of a table of the recorded truth, as of the moment served."""
        rows: list[dict[str, Any]] = pq.read_table(self.truth / f"{table}.parquet").to_pylist()
        return rows
