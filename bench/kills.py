"""`kill -9` of the real stage processes, at least three times in each of the seven stages; then a plain re-run.

demo world (early in its life, so that it is small) → every stage once, undisturbed, a copy of the data kept before each
    → each kill: copy, stage as a process of its own, SIGKILL at a chosen call or from outside, the same command again, plainly
    → everything the stage leaves compared with what it left undisturbed

Compared are: landed parts and manifests byte by byte; the rows of every table of the work file (but those that hold how long a run took); the
fingerprint of the marts, built and published; the bytes of the extracts; the names of all files, so that nothing is left over. After pull, land and
the first gate there are no marts yet: the last kill of each (with --thorough every one) is carried on to the fingerprint.
With --folder the undisturbed run and the kills so far are kept there, and a bench that is begun again goes on from them.
The clock that says when a load was started stands still in all pulls, else two pulls could not be compared.
Run alone: `python -m bench.kills [--folder DIR] [--stage STAGE] [--short] [--thorough]` writes bench/results/kills.json.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).with_name("results") / "kills.json"
# The same small world on any day, as it stood eight days after it began.
WORLD = ("--preset", "small", "--seed", "7", "--anchor", "2026-03-02")
AS_OF = date(2026, 1, 8)
STAGES = ("pull", "land", "gate_landed", "transform", "gate_marts", "publish", "extract")
COMMANDS = {
    "pull": ("pull",),
    "land": ("land",),
    "gate_landed": ("gate",),
    "transform": ("transform",),
    "gate_marts": ("gate", "--marts"),
    "publish": ("publish",),
    "extract": ("extract",),
}
WITHOUT_AS_OF = ("land", "extract")
QUICKEST = ("extract", "publish", "pull", "gate_marts", "land", "transform", "gate_landed")
HALFWAY = "from outside, halfway"
HEAD = f"{'stage':12} {'killed':40} {'at call':28} killed  re-run  equal  fingerprint  seconds"


@dataclass(frozen=True)
class Place:
    """Where a stage is killed: a call (see bench/killed.py), and which of its calls, as a share of all; 0 is the first, 1 the last."""

    call: str
    share: float
    words: str


PLACES: dict[str, tuple[Place, ...]] = {
    "pull": (
        Place("after_link", 0.5, "load begun, temporary file still there"),
        Place("before_line", 0.6, "in the middle of a part"),
        Place("before_rename", 0.7, "manifest written, not renamed"),
    ),
    "land": (
        Place("before_commit", 0.5, "rows inserted, not committed"),
        Place("after_commit", 0.6, "between commit and checkpoint"),
        Place(HALFWAY, 0.5, "wherever it was"),
    ),
    "gate_landed": (
        Place("before_commit", 1, "verdicts written, not committed"),
        Place("after_commit", 1, "between commit and checkpoint"),
        Place(HALFWAY, 0.5, "wherever it was"),
    ),
    "transform": (
        Place("before_rename", 1, "marts built, not renamed"),
        Place("after_commit", 1, "between commit and checkpoint"),
        Place(HALFWAY, 0.5, "wherever it was"),
    ),
    "gate_marts": (
        Place("before_commit", 1, "results written, not committed"),
        Place("after_commit", 1, "between commit and checkpoint"),
        Place(HALFWAY, 0.5, "wherever it was"),
    ),
    "publish": (
        Place("after_commit", 0.5, "between commit and checkpoint"),
        Place("before_rename", 0, "version built, not renamed"),
        Place("before_rename", 0.5, "between two doors"),
        Place("after_rename", 1, "all doors switched, ledger not written"),
        Place(HALFWAY, 0.5, "wherever it was"),
    ),
    "extract": (
        Place("before_statement", 0.5, "in the middle of reading"),
        Place("before_rename", 0, "first folder written, not renamed"),
        Place("after_rename", 0, "first folder there, second not"),
        Place("before_rename", 1, "second folder written, not renamed"),
    ),
}


@dataclass
class Kill:
    """What became of one kill. `is_fingerprint_equal` is None where there are no marts yet and the run was not carried on."""

    stage: str
    place: str
    call: str
    is_killed: bool = False
    is_rerun_good: bool = False
    is_equal: bool = False
    is_fingerprint_equal: bool | None = None
    differences: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def is_good(self) -> bool:
        """Killed, mended, equal."""
        return self.is_killed and self.is_rerun_good and self.is_equal and self.is_fingerprint_equal is not False


@dataclass(frozen=True)
class Remains:
    """What a stage leaves: the fingerprint of the marts (None before there are any), and by name what else can be compared."""

    fingerprint: str | None
    contents: Mapping[str, str]
    names: frozenset[str]

    def compare(self, other: Remains) -> list[str]:
        """What differs, in words; empty when nothing does."""
        found = [] if self.fingerprint == other.fingerprint else [f"fingerprint {other.fingerprint} instead of {self.fingerprint}"]
        keys = sorted(self.contents.keys() | other.contents.keys())
        found += [f"differs: {key}" for key in keys if self.contents.get(key) != other.contents.get(key)]
        found += [f"left over: {name}" for name in sorted(other.names - self.names)]
        return found + [f"missing: {name}" for name in sorted(self.names - other.names)]


class Bench:
    """A demo world and the data folders of a brand in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.demo = folder / "demo"
        self.data = folder / "data"
        self.remains: dict[str, Remains] = {}
        self.clock = datetime.now(UTC).replace(microsecond=0).isoformat()
        self.counts: dict[str, dict[str, int]] = {}
        self.seconds: dict[str, float] = {}
        self.as_of = ""
        self.brand = ""
        self.environment: dict[str, str] = {}

    @contextmanager
    def serve(self) -> Iterator[None]:
        """Serve the world as it stood at the end of AS_OF."""
        from fifty.demo import write_setup

        now = (AS_OF + timedelta(days=1)).isoformat()
        command = [sys.executable, "-m", "demo", "serve", "--dir", str(self.demo), *WORLD, "--now", now, "--limits", "raised"]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            if not process.stdout.readline().startswith("demo ready"):
                raise SystemExit("the demo did not come up")
            setup = write_setup(self.demo)
            self.as_of, self.brand = AS_OF.isoformat(), setup.brand
            self.environment = {**os.environ, "FIFTY_CONFIG": str(setup.config), "FIFTY_SECRETS": str(setup.secrets), "FIFTY_LOG_LEVEL": "WARNING"}
            yield
        finally:
            process.terminate()
            process.wait(15)

    def run_fifty(self, *arguments: str, kill_after: float | None = None, **more: str) -> subprocess.CompletedProcess[str]:
        """One `fifty` command as a process of its own; with `kill_after` it is killed from outside after so many seconds."""
        command = [sys.executable, "-m", "bench.killed", *arguments]
        environment = {**self.environment, "FIFTY_DATA": str(self.data), "BENCH_CLOCK": self.clock, **more}
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            output, errors = process.communicate(timeout=kill_after or 900)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            output, errors = process.communicate()
        return subprocess.CompletedProcess(command, process.returncode, output, errors)

    def name_command(self, stage: str) -> list[str]:
        """The command line of a stage."""
        return [*COMMANDS[stage], *([] if stage in WITHOUT_AS_OF else ["--as-of", self.as_of])]

    def run_undisturbed(self) -> None:
        """Every stage once, each its own process; the data is copied before each, and it is counted how often each place is passed."""
        from fifty.warehouse import BrandPaths, read_brand_keys

        state = self.folder / "undisturbed.json"
        if not state.exists():
            shutil.rmtree(self.data, ignore_errors=True)
            # The brand's keys are random, once; all runs must have the same, or no two persons have the same id.
            read_brand_keys(BrandPaths(self.data, self.brand))
            for stage in STAGES:
                copy_data(self.data, self.folder / "before" / stage)
                counts = self.folder / f"{stage}.json"
                begun = time.monotonic()
                done = self.run_fifty(*self.name_command(stage), BENCH_COUNT_CALLS=str(counts))
                self.seconds[stage] = time.monotonic() - begun
                if done.returncode:
                    raise SystemExit(f"{stage} failed undisturbed: {done.stdout}{done.stderr}")
            copy_data(self.data, self.folder / "before" / "nothing")
            state.write_text(json.dumps({"clock": self.clock, "seconds": self.seconds}), encoding="utf-8")
        known = json.loads(state.read_text(encoding="utf-8"))
        self.clock, self.seconds = known["clock"], known["seconds"]
        for stage, following in zip(STAGES, (*STAGES[1:], "nothing"), strict=True):
            self.counts[stage] = json.loads((self.folder / f"{stage}.json").read_text(encoding="utf-8"))
            self.remains[stage] = self.read_remains(self.folder / "before" / following)
            print(f"undisturbed {stage:12} {self.seconds[stage]:6.1f} s {self.counts[stage]}", flush=True)

    def read_remains(self, data: Path | None = None) -> Remains:
        """What is there now, or in a copy."""
        from fifty.publish import fingerprint_marts
        from fifty.warehouse import BrandPaths

        paths = BrandPaths(data or self.data, self.brand)
        contents = {}
        for manifest in paths.landing.glob("*/*/*/*/manifest.json"):
            raw = json.loads(manifest.read_text(encoding="utf-8"))
            # How often the platform had to be asked is true of a run, not of what it said.
            said = json.dumps({key: value for key, value in raw.items() if key not in ("request_count", "limits_met")}, sort_keys=True)
            contents[str(manifest.relative_to(paths.root))] = hashlib.sha256(said.encode()).hexdigest()
        for path in [*paths.landing.glob("*/*/*/*/part-*"), *paths.extracts.rglob("*.*")]:
            contents[str(path.relative_to(paths.root))] = hash_file(path)
        contents |= hash_tables(paths.warehouse)
        fingerprints = {fingerprint_marts(path) for path in (paths.marts, paths.published / "marts.duckdb") if path.exists()}
        if len(fingerprints) > 1:
            contents["published"] = "not what was built"
        names = {str(path.relative_to(paths.root)) for path in paths.root.rglob("*") if paths.dbt_target not in path.parents}
        return Remains(min(fingerprints, default=None), contents, frozenset(names))

    def carry_on(self, stage: str) -> str | None:
        """The stages after `stage` up to the marts; their fingerprint, None where one failed."""
        for following in STAGES[STAGES.index(stage) + 1 : STAGES.index("transform") + 1]:
            if self.run_fifty(*self.name_command(following)).returncode:
                return None
        return self.read_remains().fingerprint

    def choose_number(self, stage: str, place: Place) -> int:
        """Which call of a place it is. Raises SystemExit where the stage does not pass it: then the table of places is wrong."""
        count = self.counts[stage].get(place.call, 0)
        if not count:
            raise SystemExit(f"{stage} never passes {place.call}: {self.counts[stage]}")
        return min(count, max(1, round(count * place.share)))

    def kill(self, stage: str, place: Place, *, is_carried_on: bool) -> Kill:
        """Kill a stage once, run it plainly again, compare."""
        copy_data(self.folder / "before" / stage, self.data)
        begun = time.monotonic()
        if place.call == HALFWAY:
            result = Kill(stage, place.words, HALFWAY)
            wait = self.seconds[stage] * place.share
            killed = self.run_fifty(*self.name_command(stage), kill_after=wait)
            while killed.returncode == 0:
                # The machine has become faster since: too late, once more.
                wait /= 2
                copy_data(self.folder / "before" / stage, self.data)
                killed = self.run_fifty(*self.name_command(stage), kill_after=wait)
        else:
            number = self.choose_number(stage, place)
            result = Kill(stage, place.words, f"{place.call} {number} of {self.counts[stage][place.call]}")
            killed = self.run_fifty(*self.name_command(stage), BENCH_KILL_AT=f"{place.call}:{number}")
        result.is_killed = killed.returncode == -signal.SIGKILL
        again = self.run_fifty(*self.name_command(stage))
        result.is_rerun_good = again.returncode == 0
        if result.is_rerun_good:
            remains = self.read_remains()
            result.differences = self.remains[stage].compare(remains)
            result.is_equal = not result.differences
            fingerprint = self.carry_on(stage) if is_carried_on and remains.fingerprint is None else remains.fingerprint
            if is_carried_on or fingerprint:
                result.is_fingerprint_equal = fingerprint == self.remains["extract"].fingerprint
        else:
            result.differences = [again.stdout[-1500:] + again.stderr[-1500:]]
        result.seconds = time.monotonic() - begun
        return result


def hash_tables(work_file: Path) -> dict[str, str]:
    """Rows and a hash, whatever their order, of each table that Fifty writes into the work file; none before there is one."""
    if not work_file.exists():
        return {}
    found = {}
    with duckdb.connect(str(work_file), read_only=True) as reader:
        query = "select schema_name || '.' || table_name from duckdb_tables() where schema_name in ('staging', 'ops') order by all"
        for (name,) in reader.execute(query).fetchall():
            if name != "ops.runs":
                found[name] = str(reader.execute(f"select count(*), sum(hash(rows)) from {name} as rows").fetchone())
    return found


def copy_data(source: Path, target: Path) -> None:
    """Copy a data folder with its links."""
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)


def hash_file(path: Path) -> str:
    """sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_results(kills: list[Kill]) -> None:
    """Write the numbers: kills per stage, and how many a plain re-run mended so that nothing differs."""
    rows: list[dict[str, Any]] = []
    for stage in STAGES:
        mine = [kill for kill in kills if kill.stage == stage]
        killed, equal = sum(kill.is_killed for kill in mine), sum(kill.is_good for kill in mine)
        rows += [
            {"name": f"kill -9 during {stage}", "value": killed, "unit": "kills", "aim": 3, "met": killed >= 3},
            {"name": f"equal after a plain re-run of {stage}", "value": equal, "unit": "kills", "aim": len(mine), "met": equal == len(mine)},
        ]
    carried = [kill for kill in kills if kill.is_fingerprint_equal is not None]
    same = sum(kill.is_fingerprint_equal is True for kill in carried)
    rows.append({"name": "fingerprint equals the undisturbed one", "value": same, "unit": "kills", "aim": len(carried), "met": same == len(carried)})
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def describe(kill: Kill) -> str:
    """One line of the table, and below it what differs."""
    words = ["yes" if one else "NO" for one in (kill.is_killed, kill.is_rerun_good, kill.is_equal)]
    fingerprint = {True: "equal", False: "DIFFERS", None: "-"}[kill.is_fingerprint_equal]
    line = f"{kill.stage:12} {kill.place:40} {kill.call:28} {words[0]:6}  {words[1]:6}  {words[2]:5}  {fingerprint:11}  {kill.seconds:7.1f}"
    return "\n    ".join([line, *kill.differences[:8]])


def main() -> int:
    """Kill, compare, print. Returns 1 when a kill was not mended."""
    parser = argparse.ArgumentParser(description="Kill each stage with SIGKILL, run again, compare with an undisturbed run.")
    parser.add_argument("--stage", choices=STAGES, action="append", help="this stage only; may be given several times")
    parser.add_argument("--short", action="store_true", help="one kill a stage; writes no results")
    parser.add_argument("--thorough", action="store_true", help="carry every kill on to the fingerprint")
    parser.add_argument("--folder", type=Path, help="where to keep what was done, so that the bench can be interrupted")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fifty-kills-") as name:
        bench = Bench(options.folder or Path(name))
        done = bench.folder / "kills.jsonl"
        with bench.serve():
            bench.run_undisturbed()
            kills = [Kill(**json.loads(line)) for line in done.read_text(encoding="utf-8").splitlines()] if done.exists() else []
            print(f"undisturbed fingerprint {bench.remains['extract'].fingerprint}", flush=True)
            print(HEAD)
            for stage, place, is_carried_on in plan_kills(options.stage or STAGES, is_short=options.short, is_thorough=options.thorough):
                if any((kill.stage, kill.place) == (stage, place.words) for kill in kills):
                    continue
                kills.append(bench.kill(stage, place, is_carried_on=is_carried_on))
                with done.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(kills[-1])) + "\n")
                print(describe(kills[-1]), flush=True)
    kills.sort(key=lambda kill: STAGES.index(kill.stage))
    print("\n".join(["", HEAD, *map(describe, kills)]))
    if not (options.short or options.stage):
        write_results(kills)
    bad = [kill for kill in kills if not kill.is_good]
    print(f"{len(kills)} kills, {len(kills) - len(bad)} mended and equal, {len(bad)} not")
    return 1 if bad else 0


def plan_kills(stages: Iterable[str], *, is_short: bool, is_thorough: bool) -> list[tuple[str, Place, bool]]:
    """(stage, place, whether it is carried on to the fingerprint); the quick ones first."""
    plan = []
    for stage in stages:
        places = PLACES[stage][1:2] if is_short else PLACES[stage]
        plan += [(stage, place, is_thorough or (place is places[-1] and not is_short)) for place in places]
    return sorted(plan, key=lambda one: (one[2] and one[0] in STAGES[:3], QUICKEST.index(one[0])))


if __name__ == "__main__":
    raise SystemExit(main())
