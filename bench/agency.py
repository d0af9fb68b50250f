"""Forty small brands, one of them broken: 39 publish, the broken one keeps its last version and says why.

preset `agency` → fast landing and every stage but pull for the brand that will break → its first version
    → fast landing of one more day of it, and of all others → of that brand the work file and its messages' first loads are lost
    → every stage but pull for each brand, two brands at a time
    → who published, what the broken one says and still shows; seconds, memory, files

Each of the two workers is one process that takes its brands in turn, as a scheduler with two slots does; a brand that fails stops at its stage.
The others need no version before: that would be the same forty runs once more.
Run alone: `python -m bench.agency [--brands N] [--folder DIR]` writes bench/results/agency.json. About half a minute a brand in its worker.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from bench.results import Figure, measure, print_table, write_results
from bench.stages import Spent, count_bytes, measure_command
from bench.worlds import end_of_world, make_world_apart
from demo.model import read_head
from fifty.config import load_config
from fifty.errors import FiftyError
from fifty.pipeline import BrandRun
from fifty.publish import read_current_version
from fifty.settings import Settings
from fifty.warehouse import BrandPaths

WORKERS = 2
#: the streams that hold messages: without them a brand seems to have fallen silent
MESSAGE_STREAMS = (
    "statuses",
    "notifications",
    "contexts",
    "feed",
    "threads",
    "comments",
    "recent_comments",
    "known_posts",
    "known_statuses",
    "mentions",
)


@dataclass(frozen=True)
class Outcome:
    """What became of a brand in one round."""

    brand: str
    version: str | None
    failed_stage: str | None = None
    reason: str | None = None


class Agency:
    """The world of an agency, its installation, and rounds over all its brands."""

    def __init__(self, folder: Path, brand_count: int | None) -> None:
        self.world, self.data = folder / "world", folder / "data"
        self.config = self.data / "fifty.yml"
        self.brand_count = brand_count

    def prepare(self) -> Spent:
        """Have the world."""
        return make_world_apart(self.world, "agency", moment=end_of_world(1))

    @property
    def brands(self) -> list[str]:
        """The brands that take part, in order."""
        return sorted(read_head(self.world).brands)[: self.brand_count]

    @property
    def broken(self) -> str:
        """The brand that will break."""
        return self.brands[len(self.brands) // 2]

    def land_fast(self, days_before_end: int, brands: Sequence[str]) -> Spent:
        """The loads of some brands for the window that ends so many days before the world."""
        moment = end_of_world(days_before_end).isoformat()
        command = [
            sys.executable,
            "-m",
            "bench.fast_landing",
            "--world",
            str(self.world),
            "--data",
            str(self.data),
            "--now",
            moment,
            "--brands",
            *brands,
        ]
        return measure_command([*command, *(("--config", str(self.config)) if self.config.exists() else ())])

    def run_round(self, as_of: date, brands: Sequence[str]) -> tuple[dict[str, Outcome], list[Spent]]:
        """Every stage but pull, for each of the brands; the outcomes by brand, and what the workers cost."""
        shares = [share for place in range(WORKERS) if (share := list(brands[place::WORKERS]))]
        with ThreadPoolExecutor(WORKERS) as pool:
            spent = list(pool.map(lambda share: self._run_worker(share, as_of), shares))
        lines = [line for one in spent for line in one.said.splitlines() if line.startswith('{"brand"')]
        return {outcome.brand: outcome for outcome in (Outcome(**json.loads(line)) for line in lines)}, spent

    def _run_worker(self, brands: list[str], as_of: date) -> Spent:
        options = ["--worker", "--config", str(self.config), "--data", str(self.data), "--as-of", as_of.isoformat()]
        return measure_command([sys.executable, "-m", "bench.agency", *options, *brands])

    def lose_messages(self, brand: str) -> None:
        """A disk was restored by half: the work file is gone, and of the landing every first load that held messages."""
        root = self.data / brand
        for remains in (*root.glob("warehouse*"), *root.glob("marts*")):
            remains.unlink()
        for stream in MESSAGE_STREAMS:
            for load in root.glob(f"landing/*/*/{stream}/beginning-*"):
                shutil.rmtree(load)


def run_brands(config: Path, data: Path, as_of: date, brands: list[str]) -> Iterator[Outcome]:
    """Every stage but pull, brand by brand; one that fails does not stop the others."""
    settings = Settings(config=config, data=data, secrets=config.parent / "secrets", log_level="ERROR", threads=1, memory_limit="1GB")
    configured = load_config(config).brands
    for slug in brands:
        run = BrandRun(slug, configured[slug], settings, as_of)
        failed_stage = reason = None
        for stage in (run.land, run.gate_landed, run.transform, run.gate_marts, run.publish, run.extract):
            try:
                stage()
            except FiftyError as error:
                failed_stage, reason = stage.__name__, str(error)
                break
        yield Outcome(slug, read_current_version(BrandPaths(data, slug)), failed_stage, reason)


def measure_agency(agency: Agency) -> list[Figure]:
    """The brand that will break alone, then all of them, and what they say."""
    figures: list[Figure] = []

    def add(name: str, value: float | int, unit: str, **aim: float) -> None:
        figures.append(measure(name, value, unit, **aim))
        print_table(figures[-1:])

    agency.prepare()
    add("brands", len(agency.brands), "brands")
    agency.land_fast(1, [agency.broken])
    first, _ = agency.run_round(end_of_world(2).date(), [agency.broken])
    version = first[agency.broken].version
    add("the day before: the brand that will break published", int(version is not None and not first[agency.broken].failed_stage), "of 1", at_least=1)

    landed = agency.land_fast(0, agency.brands)
    # After the pull: a pull would find the loads gone and read them again.
    agency.lose_messages(agency.broken)
    add("landing of all brands", landed.seconds, "s")
    outcomes, spent = agency.run_round(end_of_world(1).date(), agency.brands)
    published = [one.brand for one in outcomes.values() if one.failed_stage is None and one.version is not None]
    add("one brand broken: brands published", len(set(published) - {agency.broken}), "brands", at_least=len(agency.brands) - 1)
    for outcome in outcomes.values():
        if outcome.failed_stage:
            print(f"    {outcome.brand} stopped at {outcome.failed_stage}: {outcome.reason}")
    stopped = outcomes[agency.broken]
    kept = stopped.failed_stage is not None and stopped.version == version and version is not None
    add("the broken brand shows its last version and says why", int(kept and bool(stopped.reason)), "of 1", at_least=1)
    add("all stages but pull, all brands", max(one.seconds for one in spent), "s")
    add("all stages but pull, a brand in its worker", sum(one.seconds for one in spent) / len(agency.brands), "s")
    add("peak memory of a worker", max(one.memory_bytes for one in spent), "bytes")
    files = [path for path in agency.data.rglob("*") if path.is_file()]
    add("files of all brands", len(files), "files")
    add("bytes of all brands", count_bytes(agency.data), "bytes")
    return figures


def main() -> None:
    """Measure and write the results; with --worker run the stages of some brands."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, help="where to keep the world and the data")
    parser.add_argument("--brands", type=int, help="only so many brands; writes no results")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--config", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--as-of", type=date.fromisoformat, help=argparse.SUPPRESS)
    parser.add_argument("slugs", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        for outcome in run_brands(options.config, options.data, options.as_of, options.slugs):
            print(json.dumps(asdict(outcome)), flush=True)
        return
    with tempfile.TemporaryDirectory(prefix="fifty-agency-") as name:
        figures = measure_agency(Agency(options.folder or Path(name), options.brands))
    if not options.brands:
        write_results("agency", figures)


if __name__ == "__main__":
    main()
