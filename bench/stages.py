"""Stages of Fifty as an operator runs them, each a process of its own, measured.

fifty.yml, data directory → `python -m fifty.cli <stage>` → seconds, processor seconds, peak memory, exit code

Run alone: `python -m bench.stages --config fifty.yml --data data --brand acme --as-of 2026-05-31` runs and measures every stage but pull.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: the command of each stage; those in WITHOUT_DAY know no day
COMMANDS: dict[str, tuple[str, ...]] = {
    "land": ("land",),
    "gate_landed": ("gate",),
    "transform": ("transform",),
    "gate_marts": ("gate", "--marts"),
    "publish": ("publish",),
    "extract": ("extract",),
}
WITHOUT_DAY = ("land", "extract")


@dataclass(frozen=True)
class Spent:
    """What a process cost; `memory_bytes` is the most it held at a time."""

    seconds: float
    processor_seconds: float
    memory_bytes: int
    exit_code: int
    said: str = ""


@dataclass(frozen=True)
class Installation:
    """A configuration and its data directory; `environment` comes on top of what is set already."""

    config: Path
    data: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def run_stage(self, stage: str, brand: str, as_of: date, *, check: bool = True) -> Spent:
        """Run one stage of one brand. Raises SystemExit with its words where it fails and `check` is set."""
        arguments = [*COMMANDS[stage], "--brand", brand, *(() if stage in WITHOUT_DAY else ("--as-of", as_of.isoformat()))]
        return self.run_command(arguments, check=check)

    def run_command(self, arguments: Sequence[str], *, check: bool = True) -> Spent:
        """Run `fifty` with these arguments."""
        return measure_command([sys.executable, "-m", "fifty.cli", *arguments], self.variables, check=check)

    @property
    def variables(self) -> dict[str, str]:
        """The environment of the commands."""
        own = {"FIFTY_CONFIG": str(self.config), "FIFTY_DATA": str(self.data), "FIFTY_SECRETS": str(self.config.parent / "secrets")}
        return {**os.environ, "FIFTY_LOG_LEVEL": "WARNING", **own, **self.environment}


def measure_command(command: Sequence[str], variables: Mapping[str, str] | None = None, *, check: bool = True) -> Spent:
    """Run a command to its end and say what it cost; the kernel counts. Raises SystemExit where it fails and `check` is set."""
    with tempfile.TemporaryFile() as output:
        begun = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, env=variables, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        said = output.read().decode("utf-8", "replace")
    if check and process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{said[-4000:]}")
    return Spent(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, process.returncode, said)


def count_bytes(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; a hard link counts once."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file() and not file.is_symlink()]
    return sum({(file.stat().st_dev, file.stat().st_ino): file.stat().st_size for file in files}.values())


def main() -> None:
    """Run and measure the stages of a brand."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--brand", required=True)
    parser.add_argument("--as-of", type=date.fromisoformat, required=True)
    options = parser.parse_args()
    installation = Installation(options.config, options.data)
    for stage in COMMANDS:
        spent = installation.run_stage(stage, options.brand, options.as_of)
        print(f"{stage:12} {spent.seconds:8.1f} s {spent.processor_seconds:8.1f} processor s {spent.memory_bytes / 1e9:6.2f} GB", flush=True)


if __name__ == "__main__":
    main()
