"""The demo's command line: make a world, serve it, move it to another moment, stop it, hold its truth against published marts.

python -m demo serve --dir DIR [--seed 7] [--anchor YYYY-MM-DD] [--now INSTANT] [--limits true|raised] [--faults service:fault[:rate[:seed]],…]
python -m demo travel --dir DIR --now INSTANT
python -m demo stop --dir DIR
python -m demo compare --dir DIR --marts FILE [--brand BRAND]
python -m demo world --dir DIR [--preset small|run|tiny|agency] [--thesis true|false|open] [--regime mixed|bursty|celebrity] [--interactions N] …
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from demo.business import write_business
from demo.comparison import compare, describe_comparison
from demo.faults import FAULTS, Fault, parse_faults, write_faults
from demo.model import WorldHead, format_utc, parse_instant, read_head, write_atomically
from demo.platforms import PLATFORMS
from demo.serve import read_moment, serve_world, write_moment
from demo.truth import write_truth
from demo.world.generate import generate_world
from demo.world.presets import PRESETS, REGIMES, THESES, make_plan


@contextmanager
def hold(directory: Path) -> Iterator[None]:
    """Be the only one who writes below ``directory``."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def prepare_world(directory: Path, **wanted: Any) -> WorldHead:
    """Have a world in ``directory``: the one already there, or a new one with these switches (None: as it comes).
    Raises ValueError when the one there is another than asked for."""
    given = {name: value for name, value in wanted.items() if value is not None}
    with hold(directory):
        if not (directory / "world.json").exists():
            plan = make_plan(**{"preset": "small", "seed": 7, "anchor": datetime.now(UTC).date()} | given)
            (directory / "now.json").unlink(missing_ok=True)
            generate_world(plan, directory)
        head = read_head(directory)
        found = asdict(head) | {"brands": len(head.brands)}
        if others := [f"{name} {found[name]}, not {value}" for name, value in given.items() if found[name] != value]:
            raise ValueError(f"{directory} holds a world with {'; '.join(others)}; use another --dir for another world")
    return head


def move_world(directory: Path, now: int) -> None:
    """Write the business files and the truth as of a moment, then move the services there. What is written for that moment already stays."""
    with hold(directory):
        if read_moment(directory) == now:
            return
        write_business(directory, now)
        write_truth(directory, now)
        write_moment(directory, now)


def check_faults(faults: list[Fault]) -> None:
    """Raise ValueError for a fault of a service that there is not, or that the service cannot have."""
    for fault in faults:
        if fault.service not in PLATFORMS:
            raise ValueError(f"faults for {fault.service}: the services are {', '.join(PLATFORMS)}")
        if fault.name in PLATFORMS[fault.service].lacks:
            raise ValueError(f"there is no {fault.name} on {fault.service}")


def check_moment(head: WorldHead, now: int) -> int:
    """The moment itself. Raises ValueError when it lies before the world begins."""
    if now < head.start:
        raise ValueError(f"--now lies before the world begins ({format_utc(head.start)})")
    return now


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
        ("travel", "move a world, served or not, to another moment"),
        ("stop", "stop the server of a world"),
        ("compare", "say what the vanity counts say, what was found and what is true, side by side"),
    ):
        command = commands.add_parser(name, help=line)
        command.add_argument("--dir", type=Path, required=True, help="where the world lives")
        if name in ("serve", "world"):
            command.add_argument("--preset", choices=PRESETS, help="kind of a new world (default small)")
            command.add_argument("--seed", type=int, help="seed of a new world (default 7)")
            command.add_argument("--thesis", choices=THESES, help="whether fifty people are worth more than the crowd (default true)")
            command.add_argument("--regime", choices=REGIMES, help="who is in exchange next (default mixed)")
            command.add_argument("--interactions", type=int, help="messages, likes, reshares and follows of all brands together")
            command.add_argument("--days", type=int, help="length of a new world")
            command.add_argument("--brands", type=int, help="brands in it")
            command.add_argument(
                "--anchor", type=date.fromisoformat, help="the world ends at 00:00 UTC of this date (default: today, when first made)"
            )
        if name == "compare":
            command.add_argument("--marts", type=Path, required=True, help="the published marts.duckdb of the brand; only read")
            command.add_argument("--brand", help="key of the brand (default: the first)")
        if name not in ("stop", "compare"):
            command.add_argument(
                "--now", type=parse_instant, required=name == "travel", help="answer as of this instant (default: the end of the world)"
            )
        if name == "serve":
            command.add_argument(
                "--limits",
                choices=["true", "raised"],
                default="true",
                help="true: the platforms' own (default); raised: no run meets them, but a fixed few requests are refused all the same",
            )
            command.add_argument("--faults", default="", help=f"service:fault[:rate[:seed]],… with fault one of {', '.join(FAULTS)}")
    options = parser.parse_args(arguments)
    directory = options.dir.resolve()
    if options.command == "stop":
        return stop_server(directory)
    try:
        if options.command == "compare":
            brand = options.brand or next(iter(read_head(directory).brands))
            print("\n".join(describe_comparison(compare(directory, brand, options.marts))))
            return 0
        if options.command == "travel":
            move_world(directory, check_moment(read_head(directory), options.now))
            print(f"demo: {directory} is at {format_utc(options.now)}")
            return 0
        if options.command == "serve":
            faults = parse_faults(options.faults)
            check_faults(faults)
            if find_server(directory) is not None:
                print(
                    f"demo: {directory} is already served; stop it with: python -m demo stop --dir {directory}",
                    file=sys.stderr,
                )
                return 1
        switches = ("preset", "seed", "anchor", "thesis", "regime", "interactions", "days", "brands")
        head = prepare_world(directory, **{name: getattr(options, name) for name in switches})
        now = check_moment(head, head.end if options.now is None else options.now)
    except FileNotFoundError as error:
        print(f"demo: {error.filename or error} is not there: no world in {directory}, or nothing published yet", file=sys.stderr)
        return 2
    except ValueError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    if options.command == "world":
        move_world(directory, now)
        made = sum(rows["messages"] + rows["reactions"] for rows in head.counts.values())
        print(f"demo: world of {made:,} interactions, truth and business files in {directory}")
        return 0
    write_atomically(directory / "faults.json", write_faults(faults))
    return serve_world(directory, now, options.limits, lambda: move_world(directory, now))


if __name__ == "__main__":
    raise SystemExit(main())
