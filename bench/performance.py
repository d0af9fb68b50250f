"""How long the stages take, and how much they hold, as a brand grows: 1, 10 and (with --huge) 100 million interactions.

world (25,000 interactions a day, so that ten times the interactions are ten times the history) → fast landing
    → land, gate, full transform, gate, publish, each a process of its own, as an operator runs it
    the smallest size is generated, served and landed; larger ones are its history told again (bench/repeated_history.py), with --generated they are worlds too
    → the same again with nothing new (an empty day), then with one more day
    → twenty analyst queries against what is published

Beside them, in the same run, what plain DuckDB takes: a typed `create table as` of the same files (land), one SQL script for the core measures from the
same staging tables (transform: bench/core_measures.sql), `cp` of the same file (publish).
A day's price is land + gate + transform of the day less the same on an empty day; both are run --runs times, the least counts. Its lines are as many at every
size, and lists that are read again have the length of the smallest: what grows is the history alone.
Run alone: `python -m bench.performance [--sizes 1 10] [--folder DIR] [--huge]` writes bench/results/performance.json; with --folder worlds and landings
are kept and used again. Each figure stands beside what the processors spent, because others may use the machine.
Days are left out where they would take it beyond --minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import combinations
from pathlib import Path

import duckdb

from bench.queries import read_queries
from bench.results import Figure, measure, print_table, write_results
from bench.stages import Installation, Spent, count_bytes, measure_command
from bench.worlds import count_rows, end_of_world, make_world_apart
from demo.model import read_head
from fifty import land, shapes, warehouse
from fifty.connectors.base import discover_connectors
from fifty.landing import list_finished_loads
from fifty.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
CORE_MEASURES = Path(__file__).with_name("core_measures.sql")
EVENTS_A_DAY = 25_000
MILLION = 1_000_000
#: days kept back at the end of a world: the first landing ends before them
KEPT_BACK = 1
MEMORY_LIMIT = "4GB"
#: millions of interactions from which on a day is run once
LARGE = 10


@dataclass
class Scale:
    """One size: its folders, and what was measured."""

    millions: float
    folder: Path
    runs: int
    figures: list[Figure] = field(default_factory=list)
    day_price: float | None = None
    is_day_kept: bool = True
    transform_seconds: float = 0.0
    source: Scale | None = None
    """The smaller size whose history is told again; None: a world of its own."""

    @property
    def interactions(self) -> int:
        """Wanted interactions of the world."""
        return round(self.millions * MILLION)

    @property
    def days(self) -> int:
        """Days of history."""
        return max(30, self.interactions // EVENTS_A_DAY)

    @property
    def world(self) -> Path:
        """The world's folder."""
        return self.source.world if self.source else self.folder / "world"

    @property
    def landed_warehouse(self) -> Path:
        """The work file as it is after landing and its gate, kept for those who tell it again."""
        return self.folder / "landed.duckdb"

    @property
    def landed_files(self) -> Path:
        """The landing at that moment, without the day that comes later."""
        return self.folder / "landed"

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.folder / "data"

    @property
    def first_end(self) -> datetime:
        """Where the first window ends."""
        return end_of_world(KEPT_BACK)

    @property
    def first_day(self) -> date:
        """The day described after the first window."""
        return (self.first_end - timedelta(days=1)).date()

    def add(self, name: str, value: float | int | None, unit: str, **aim: float) -> None:
        """Note a figure of this size and say it."""
        figure = measure(f"{self.millions:g}M {name}", value, unit, **aim)
        self.figures.append(figure)
        print_table([figure])

    def measure(self, seconds_left: float) -> None:
        """Everything of this size; days only where they end in time. Raises SystemExit where a stage failed."""
        begun = time.monotonic()
        self.prepare()
        if self.source:
            self.measure_marts()
        else:
            self.measure_first_run()
        self.measure_queries()
        self.measure_one_more_day(seconds_left - (time.monotonic() - begun))

    # -- what is measured -------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """World and first landing; what is there from an earlier run stays."""
        if self.source:
            self.tell_again(self.source)
            return
        made = make_world_apart(self.world, "run", interactions=self.interactions, days=self.days, moment=self.first_end)
        self.add("interactions in the world", count_rows(self.world)["interactions"], "interactions")
        self.add("world made", made.seconds, "s")
        landed = self.data / "landed.json"
        if not landed.exists():
            shutil.rmtree(self.data, ignore_errors=True)
            spent, lines = self.land_fast(self.first_end)
            landed.write_text(f'{{"lines": {lines}, "seconds": {spent.seconds:.1f}}}\n', encoding="utf-8")
            self.add("fast landing", spent.seconds, "s")
            self.add("fast landing lines", lines, "lines")
            self.add("fast landing peak memory of a process", spent.memory_bytes, "bytes")
        self.add("landed files", count_bytes(self.data / self.brand / "landing"), "bytes")

    def tell_again(self, source: Scale) -> None:
        """The source as it was landed, with its history repeated before it."""
        shutil.rmtree(self.data, ignore_errors=True)
        shutil.copytree(source.data, self.data, ignore=lambda folder, _: [source.brand] if Path(folder) == source.data else [])
        shutil.copytree(source.landed_files, self.paths.landing, copy_function=os.link)
        shutil.copy(source.landed_warehouse, self.paths.warehouse)
        times = round(self.millions / source.millions)
        command = [sys.executable, "-m", "bench.repeated_history", "--warehouse", str(self.paths.warehouse)]
        spent = measure_command([*command, "--times", str(times), "--days", str(source.days)])
        self.add("history told again", times, "times")
        self.add("telling it again", spent.seconds, "s")

    def land_fast(self, moment: datetime) -> tuple[Spent, int]:
        """The loads of a window that ends at a moment, and how many lines they have."""
        command = [sys.executable, "-m", "bench.fast_landing", "--world", str(self.world), "--data", str(self.data), "--now", moment.isoformat()]
        if (self.data / "fifty.yml").exists():
            command += ["--config", str(self.data / "fifty.yml")]
        spent = measure_command(command)
        return spent, int(re.findall(r'"lines": (\d+)', spent.said)[-1])

    @property
    def brand(self) -> str:
        """The one brand of the world."""
        return next(iter(read_head(self.world).brands))

    @property
    def installation(self) -> Installation:
        """As an operator has it."""
        return Installation(self.data / "fifty.yml", self.data, {"FIFTY_MEMORY_LIMIT": MEMORY_LIMIT, "FIFTY_THREADS": "2"})

    @property
    def paths(self) -> warehouse.BrandPaths:
        """The brand's files."""
        return warehouse.BrandPaths(self.data, self.brand)

    def run_stages(self, stages: Sequence[str], day: date) -> dict[str, Spent]:
        """Run stages for a day."""
        return {stage: self.installation.run_stage(stage, self.brand, day) for stage in stages}

    def measure_first_run(self) -> None:
        """Everything from nothing: land, gate, full transform, gate, publish."""
        for remains in (*self.paths.root.glob("warehouse*"), *self.paths.root.glob("marts*")):
            remains.unlink()
        shutil.rmtree(self.paths.published, ignore_errors=True)
        shutil.rmtree(self.paths.dbt_target, ignore_errors=True)
        if self.landed_files.exists():
            # A kept folder: the day that came later is landed in it already, and is to come later again.
            shutil.rmtree(self.paths.landing)
            shutil.copytree(self.landed_files, self.paths.landing, copy_function=os.link)
            (self.paths.root / "day-landed").unlink(missing_ok=True)
        spent = self.run_stages(("land", "gate_landed"), self.first_day)
        shutil.copy(self.paths.warehouse, self.landed_warehouse)
        shutil.rmtree(self.landed_files, ignore_errors=True)
        shutil.copytree(self.paths.landing, self.landed_files, copy_function=os.link)
        self.add_stages(spent)
        self.compare("land, share of a typed create table as", spent["land"].seconds, self.measure_typed_tables())
        self.measure_marts()

    def measure_marts(self) -> None:
        """From staging tables to what readers see."""
        spent = self.run_stages(("transform", "gate_marts", "publish"), self.first_day)
        self.transform_seconds = spent["transform"].seconds
        self.add_stages(spent)
        self.add("work file", count_bytes(self.paths.warehouse), "bytes")
        self.add("published marts", count_bytes(self.published), "bytes")
        self.compare("full transform, times the plain script", spent["transform"].seconds, self.measure_core_measures())
        self.compare("publish, times cp", spent["publish"].seconds, self.measure_copy())

    def add_stages(self, spent: Mapping[str, Spent]) -> None:
        """Note what stages took and held."""
        is_aimed = self.interactions == 10 * MILLION
        for stage, one in spent.items():
            name = {"gate_landed": "gate of the loads", "transform": "full transform", "gate_marts": "gate of the marts"}.get(stage, stage)
            aims = {"at_most": 90.0} if is_aimed and stage == "transform" else {}
            self.add(name, one.seconds, "s", **aims)
            self.add(f"{name}, processor", one.processor_seconds, "s")
            self.add(f"{name}, peak memory", one.memory_bytes, "bytes", **({"at_most": 6e9} if is_aimed and stage == "transform" else {}))

    def compare(self, name: str, ours: float, limit: float) -> None:
        """A stage beside its limit."""
        self.add(f"{name}: the limit", limit, "s")
        self.add(name, limit / ours if "share" in name else ours / limit, "ratio")

    @property
    def published(self) -> Path:
        """What analysts open."""
        return self.paths.published / "marts.duckdb"

    def measure_typed_tables(self) -> float:
        """Seconds of `create table as` of all landed files, typed as land reads them, into a fresh file, checkpoint included."""
        target = self.folder / "typed.duckdb"
        target.unlink(missing_ok=True)
        connectors = discover_connectors()
        files: dict[tuple[str, str], list[Path]] = {}
        for load in list_finished_loads(self.data, self.brand):
            files.setdefault((load.manifest.platform, load.manifest.stream), []).extend(load.part_paths)
        begun = time.perf_counter()
        with duckdb.connect(str(target), config=warehouse.duckdb_config(Settings(memory_limit=MEMORY_LIMIT))) as connection:
            for (platform, stream), parts in files.items():
                if parts:
                    node = land.plan_stream(connectors, platform, stream).node
                    names = ", ".join(shapes.quote_text(str(part)) for part in parts)
                    connection.execute(
                        f"create table \"{platform}_{stream}\" as select * from read_json([{names}], format = 'newline_delimited',"
                        " compression = 'gzip', maximum_object_size = 67108864,"
                        f" columns = {{scope: 'json', page: 'bigint', seq: 'bigint', item: {shapes.quote_text(shapes.typed_type(node))}}})"
                    )
            connection.execute("checkpoint")
        seconds = time.perf_counter() - begun
        target.unlink()
        return seconds

    def measure_core_measures(self) -> float:
        """Seconds of the plain script over the same staging tables, into a fresh file, checkpoint included; says beside what it found."""
        target = self.folder / "core.duckdb"
        target.unlink(missing_ok=True)
        script = CORE_MEASURES.read_text(encoding="utf-8").replace("{as_of}", self.first_day.isoformat())
        begun = time.perf_counter()
        with duckdb.connect(str(target), config=warehouse.duckdb_config(Settings(memory_limit=MEMORY_LIMIT))) as connection:
            connection.execute(f"attach {shapes.quote_text(str(self.paths.warehouse))} as warehouse (read_only)")
            connection.execute(script)
            connection.execute("checkpoint")
            seconds = time.perf_counter() - begun
            connection.execute(f"attach {shapes.quote_text(str(self.published))} as marts (read_only)")
            for name, ours, plain in (
                ("people with a strength", "select count(*) from marts.relationships.relationship_strength where strength > 0", "strength where strength > 0"),
                ("answered asks", "select count(*) from marts.engagement.response_times where is_answered", "response_times where answered_at is not null"),
            ):  # fmt: skip
                found = connection.execute(f"select ({ours}), (select count(*) from {plain})").fetchone()
                assert found is not None
                print(f"    {name}: marts {found[0]:,}, plain script {found[1]:,}", flush=True)
        target.unlink()
        return seconds

    def measure_copy(self) -> float:
        """Seconds of `cp` of the published file, written out to the disk as publish does."""
        target = self.folder / "copy.duckdb"
        begun = time.perf_counter()
        subprocess.run(["cp", str(self.published.resolve()), str(target)], check=True)
        subprocess.run(["sync", str(target)], check=True)
        seconds = time.perf_counter() - begun
        target.unlink()
        return seconds

    def measure_queries(self) -> None:
        """Each analyst query, warm, on the published file; the median of a few runs. Raises SystemExit where one gave no answer."""
        aims = {"at_most": 150.0} if self.interactions == 10 * MILLION else {}
        spent = measure_command([sys.executable, "-m", "bench.queries", str(self.published.resolve())], check=False)
        found = [json.loads(line) for line in spent.said.splitlines() if line.startswith("{")]
        if len(found) < len(read_queries()):
            raise SystemExit(f"{len(found)} of {len(read_queries())} queries were answered:\n{spent.said[-4000:]}")
        for one in found:
            self.add(f"query {one['question']}", one["milliseconds"], "ms", **aims)
        self.add("slowest query", max(one["milliseconds"] for one in found), "ms", **aims)

    def measure_one_more_day(self, seconds_left: float) -> None:
        """An empty day, then one more day, each from the same state; their difference is the day's price. Without the time for it, no figure."""
        if 2 * self.runs * 1.3 * self.transform_seconds > seconds_left:
            self.add("price of a day (no time left to measure it)", None, "s")
            return
        before = self.folder / "before"
        shutil.rmtree(before, ignore_errors=True)
        before.mkdir()
        for file in (self.paths.warehouse, self.paths.marts):
            shutil.copy(file, before)
        empty = [self.run_day(self.first_day) for _ in range(self.runs)]
        new = self.data / self.brand / "day-landed"
        if not new.exists():
            lines = self.take_day_from(self.source) if self.source else self.land_fast(end_of_world())[1]
            new.write_text(f"{lines}\n", encoding="utf-8")
        full = []
        for _ in range(self.runs):
            for file in (self.paths.warehouse, self.paths.marts):
                shutil.copy(before / file.name, file)
            full.append(self.run_day(end_of_world(1).date()))
        shutil.rmtree(before)
        self.add("one more day: lines landed", int(new.read_text(encoding="utf-8")), "lines")
        self.add("events of the day", self.count_events_of_day(), "events")
        self.is_day_kept = self.was_built_on_the_day_before()
        self.add("one more day: built on the day before", int(self.is_day_kept), "yes = 1")
        for name, runs in (("an empty day", empty), ("one more day", full)):
            self.add(name, min(one.seconds for one in runs), "s")
            self.add(f"{name}, processor", min(one.processor_seconds for one in runs), "s")
        self.day_price = min(one.seconds for one in full) - min(one.seconds for one in empty)
        self.add("price of a day", self.day_price, "s")
        self.add("price of a day, processor", min(one.processor_seconds for one in full) - min(one.processor_seconds for one in empty), "s")

    def take_day_from(self, source: Scale) -> int:
        """The loads of the source's last day, and how many lines they have."""
        for file in sorted(source.paths.landing.rglob("*")):
            there = self.paths.landing / file.relative_to(source.paths.landing)
            if file.is_dir():
                there.mkdir(exist_ok=True)
            elif not there.exists():
                there.hardlink_to(file)
        return int((source.data / source.brand / "day-landed").read_text(encoding="utf-8"))

    def run_day(self, day: date) -> Spent:
        """What land, gate and transform cost together; the memory is that of the greatest."""
        spent = self.run_stages(("land", "gate_landed", "transform"), day).values()
        return Spent(
            sum(one.seconds for one in spent), sum(one.processor_seconds for one in spent), max(one.memory_bytes for one in spent), exit_code=0
        )

    def was_built_on_the_day_before(self) -> bool:
        """Whether the last build stood on the one before; with so many lines added that it would be dearer, it starts from nothing."""
        with duckdb.connect(str(self.paths.warehouse), read_only=True) as connection:
            row = connection.execute("select message from ops.runs where stage = 'transform' order by run_id desc limit 1").fetchone()
        return row is not None and "built on the build before" in str(row[0])

    def count_events_of_day(self) -> int:
        """Events in the last day of the world."""
        day = end_of_world(1).replace(tzinfo=None)
        with duckdb.connect(str(self.paths.warehouse), read_only=True) as connection:
            row = connection.execute("select count(*) from intermediate.int_interactions where event_at >= ?", [day]).fetchone()
        return int(row[0]) if row else 0


def compare_sizes(scales: Sequence[Scale]) -> list[Figure]:
    """What a day costs with ten times the history, against without. Where one was built from nothing and the other on the day before, the ratio says nothing
    about history, and no aim is held against it."""
    figures = []
    for small, large in combinations(sorted(scales, key=lambda scale: scale.millions), 2):
        if small.day_price and large.day_price is not None and large.millions == 10 * small.millions:
            name, ratio = f"price of a day, {large.millions:g}M against {small.millions:g}M", large.day_price / small.day_price
            if small.is_day_kept == large.is_day_kept:
                figures.append(measure(name, ratio, "ratio", at_most=1.2))
            else:
                figures.append(measure(f"{name}, one of them built from nothing", ratio, "ratio"))
    return figures


def main() -> None:
    """Measure each size and write the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=float, nargs="+", default=[1, 10], help="millions of interactions")
    parser.add_argument("--huge", action="store_true", help="100 million too: hours, and some 150 GB of disk")
    parser.add_argument("--runs", type=int, default=2, help="how often an empty day and a day are run; once from ten million on")
    parser.add_argument("--minutes", type=float, default=90, help="days are not measured where they would end later than this")
    parser.add_argument("--generated", action="store_true", help="generate, serve and land every size, not only the smallest")
    parser.add_argument("--folder", type=Path, help="where worlds and landings are kept for the next time")
    parser.add_argument("--keep-results", action="store_true", help="print only; leave bench/results as it is")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fifty-performance-") as name:
        begun = time.monotonic()
        scales: list[Scale] = []
        failure: SystemExit | None = None
        for millions in sorted({*options.sizes, *([100] if options.huge else [])}):
            source = scales[0] if scales and not options.generated else None
            runs = options.runs if millions < LARGE else 1
            scale = Scale(millions, (options.folder or Path(name)) / f"{millions:g}M", runs, source=source)
            scale.folder.mkdir(parents=True, exist_ok=True)
            scales.append(scale)
            try:
                scale.measure(60 * options.minutes - (time.monotonic() - begun))
            except SystemExit as stopped:
                # What was measured until then took hours.
                failure = stopped
                break
            if options.folder is None and source:
                shutil.rmtree(scale.folder)
    figures = [figure for scale in scales for figure in scale.figures] + compare_sizes(scales)
    print()
    print_table(figures)
    if not options.keep_results:
        write_results("performance", figures)
    if failure:
        raise failure


if __name__ == "__main__":
    main()
