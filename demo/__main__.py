"""The demo's command line: make a world, serve it, stop it.

python -m demo serve --dir DIR [--seed 7] [--anchor YYYY-MM-DD] [--now INSTANT] [--limits raised|true] [--faults service:fault[:every],…]
python -m demo stop --dir DIR
python -m demo world --dir DIR
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from demo.behaviour import generate_world
from demo.business import write_business_files
from demo.model import load_world, parse_instant, save_world
from demo.platforms import PLATFORMS
from demo.platforms.base import FAULTS, parse_faults
from demo.serve import serve_world
from demo.truth import write_truth


def prepare_world(directory: Path, seed: int | None, anchor: date | None, now: int | None) -> int:
    """Have a world in ``directory``: the one already there, or a new one; returns the moment to serve it at.
    Raises ValueError when the one there is of another seed or anchor than asked for."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (directory / "world.json").exists():
            save_world(generate_world(7 if seed is None else seed, anchor or datetime.now(UTC).date()), directory)
        world = load_world(directory, with_hidden=True)
        if (seed is not None and seed != world.seed) or (anchor is not None and anchor != world.anchor):
            raise ValueError(f"{directory} holds the world of seed {world.seed} and anchor {world.anchor}; use another --dir for another world")
        moment = world.end if now is None else now
        if moment < world.start:
            raise ValueError(f"--now lies before the world begins ({world.start})")
        write_business_files(world, directory / "business")
        write_truth(world, directory / "truth", moment)
    return moment


def find_server(directory: Path) -> int | None:
    """The process id of the supervisor serving ``directory``, None when there is none."""
    try:
        pid = int(json.loads((directory / "addresses.json").read_text(encoding="utf-8"))["pid"])
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError, KeyError):
        return None
    return pid if b"demo" in words and b"serve" in words else None


def stop_server(directory: Path) -> int:
    """Ask the server of ``directory`` to stop and wait for it. Returns the exit code."""
    pid = find_server(directory)
    if pid is None:
        print(f"demo: nothing is served from {directory}")
        return 0
    os.kill(pid, signal.SIGTERM)
    for _ in range(100):
        if find_server(directory) != pid:
            print("demo stopped")
            return 0
        time.sleep(0.1)
    print(f"demo: process {pid} did not stop within ten seconds", file=sys.stderr)
    return 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and do what it says. Returns the exit code: 0 done, 1 failed, 2 wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m demo", description="A brand world with a known truth, served as the platforms would.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, line in (
        ("serve", "make the world if needed and serve it until stopped"),
        ("world", "only write the world, its truth and the business files"),
    ):
        command = commands.add_parser(name, help=line)
        command.add_argument("--dir", type=Path, required=True, help="where the world lives")
        command.add_argument("--seed", type=int, help="seed of a new world (default 7)")
        command.add_argument(
            "--anchor",
            type=date.fromisoformat,
            help="the world ends at 00:00 UTC of this date (default: today, when first made)",
        )
        command.add_argument("--now", type=parse_instant, help="answer as of this instant (default: the end of the world)")
        if name == "serve":
            command.add_argument(
                "--limits",
                choices=["raised", "true"],
                default="raised",
                help="raised: generous, with a 429 now and then; true: the platforms' own",
            )
            command.add_argument("--faults", default="", help=f"service:fault[:every],… with fault one of {', '.join(FAULTS)}")
    commands.add_parser("stop", help="stop the server of a world").add_argument("--dir", type=Path, required=True)
    options = parser.parse_args(arguments)
    directory = options.dir.resolve()
    if options.command == "stop":
        return stop_server(directory)
    try:
        if options.command == "serve":
            unknown = parse_faults(options.faults).keys() - PLATFORMS.keys()
            if unknown:
                raise ValueError(f"faults for {', '.join(sorted(unknown))}: the services are {', '.join(PLATFORMS)}")
            if find_server(directory) is not None:
                print(
                    f"demo: {directory} is already served; stop it with: python -m demo stop --dir {directory}",
                    file=sys.stderr,
                )
                return 1
        now = prepare_world(directory, options.seed, options.anchor, options.now)
    except ValueError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    if options.command == "world":
        print(f"demo: world, truth and business files in {directory}")
        return 0
    return serve_world(directory, now, options.limits, options.faults)


if __name__ == "__main__":
    raise SystemExit(main())
