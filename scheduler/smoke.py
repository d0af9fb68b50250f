"""`make run` twice from nothing: the first run must land and publish, the second must land nothing and publish the same.

empty folder → scheduler.run_once, scheduler.run_once → fingerprints compared

Part of `make check`. Keeps nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from scheduler.environment import ROOT, name_demo_places


def run(folder: Path) -> str:
    """One run of the main job in `folder`; returns what it printed. Raises SystemExit when it fails."""
    # A small world: the way is the same.
    places = ("--demo", str(folder / "demo"), "--data", str(folder / "data"), "--preset", "small")
    command = [sys.executable, "-m", "scheduler.run_once", *places]
    environment = {**os.environ, "AIRFLOW_HOME": str(folder / "airflow")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    sys.stdout.write(done.stdout)
    sys.stdout.flush()
    if done.returncode:
        sys.stderr.write(done.stderr[-4000:])
        raise SystemExit(done.returncode)
    return done.stdout


def read_fingerprint(folder: Path) -> str:
    """Fingerprint of what is published."""
    command = [str(Path(sys.executable).with_name("fifty")), "publish", "--fingerprint"]
    environment = {**os.environ, **name_demo_places(folder / "data"), "FIFTY_CONFIG": str(folder / "demo" / "fifty.yml")}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def main() -> int:
    """Run twice and compare. Returns the exit code."""
    with tempfile.TemporaryDirectory(prefix="fifty-smoke-") as name:
        folder = Path(name)
        first = run(folder)
        if "Landed " not in first:
            print("smoke: the first run landed nothing", file=sys.stderr)
            return 1
        if "people in a living relationship" not in first:
            print("smoke: the first run did not say what the counts say and what is true", file=sys.stderr)
            return 1
        before = read_fingerprint(folder)
        second = run(folder)
        if "Nothing new was landed" not in second:
            print("smoke: the second run landed something", file=sys.stderr)
            return 1
        after = read_fingerprint(folder)
        if before != after:
            print(f"smoke: the second run published something else: {before} / {after}", file=sys.stderr)
            return 1
        print(f"smoke: two runs, one fingerprint: {after}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
