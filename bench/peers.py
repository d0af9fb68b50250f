"""Fifty's land beside a well-known loader, on the same landed items, in the same run: a `dlt` pipeline into DuckDB.

one finished landing → (a) dlt: every item as sent, one table a stream, nested lists as child tables, its own schema inference and state
                     → (b) fifty land: checks, quarantine, duplicates, scopes, ledger, mapping into platform-free staging tables

Both read the same files once, into a fresh DuckDB file, each in a process of its own. dlt is given what its documentation advises for volume: items in
pages, no nesting beyond two levels, Parquet between its stages, two workers. What the two make of the items is not the same; the table says what each has.
Run alone: `python -m bench.peers [--interactions N] [--folder DIR]` writes bench/results/peers.json; needs the extra `bench`.
"""

from __future__ import annotations

import argparse
import gzip
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import duckdb
import simplejson

from bench.results import Figure, measure, print_table, write_results
from bench.stages import Installation, count_bytes, measure_command
from bench.worlds import end_of_world, make_world_apart
from demo.model import read_head
from fifty.landing import list_finished_loads

PAGE = 1_000
DEEPEST = 2


def read_pages(parts: list[Path]) -> Iterator[list[dict[str, Any]]]:
    """The items of a stream as sent, in pages, each with what was asked and its load's place."""
    page: list[dict[str, Any]] = []
    for part in parts:
        with gzip.open(part, "rt", encoding="utf-8") as file:
            for line in file:
                read = simplejson.loads(line)
                page.append({"scope": read["scope"], "seq": read["seq"], **read["item"]})
                if len(page) == PAGE:
                    yield page
                    page = []
    if page:
        yield page


def load_with_dlt(data: Path, brand: str, target: Path) -> None:
    """Load every stream of a landing with dlt into a DuckDB file."""
    import dlt

    streams: dict[str, list[Path]] = {}
    for load in list_finished_loads(data, brand):
        if load.part_paths:
            streams.setdefault(f"{load.manifest.platform}_{load.manifest.stream}", []).extend(load.part_paths)
    resources = [
        dlt.resource(read_pages(parts), name=name, write_disposition="append", max_table_nesting=DEEPEST) for name, parts in sorted(streams.items())
    ]
    pipeline = dlt.pipeline(
        "bench_peers",
        destination=dlt.destinations.duckdb(str(target)),
        dataset_name="landed",
        pipelines_dir=str(target.parent / "dlt"),
        progress=None,
    )
    pipeline.run(resources, loader_file_format="parquet")


def count_lines(data: Path, brand: str) -> int:
    """Lines of a landing."""
    return sum(load.manifest.item_count for load in list_finished_loads(data, brand))


def count_tables(file: Path, schemas: tuple[str, ...]) -> tuple[int, int]:
    """(tables, rows) in some schemas of a DuckDB file."""
    with duckdb.connect(str(file), read_only=True) as connection:
        names = connection.execute(
            "select schema_name, table_name from duckdb_tables() where list_contains(?, schema_name)", [list(schemas)]
        ).fetchall()
        rows = [connection.execute(f'select count(*) from "{schema}"."{name}"').fetchone() for schema, name in names]
    return len(names), sum(row[0] for row in rows if row)


def measure_peers(folder: Path, interactions: int) -> list[Figure]:
    """Both loaders on the same files."""
    world, data, target = folder / "world", folder / "data", folder / "dlt.duckdb"
    moment = end_of_world()
    make_world_apart(world, "run", interactions=interactions, moment=moment)
    brand = next(iter(read_head(world).brands))
    if not (data / "fifty.yml").exists():
        command = [sys.executable, "-m", "bench.fast_landing", "--world", str(world), "--data", str(data)]
        measure_command([*command, "--now", moment.isoformat()])
    installation = Installation(data / "fifty.yml", data)
    root = data / brand
    for remains in (target, *root.glob("warehouse*")):
        remains.unlink(missing_ok=True)
    shutil.rmtree(folder / "dlt", ignore_errors=True)
    quiet = {
        **os.environ, "RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR", "NORMALIZE__WORKERS": "2",
        "DATA_WRITER__BUFFER_MAX_ITEMS": "50000", "LOAD__WORKERS": "2",
    }  # fmt: skip
    peer = measure_command([sys.executable, "-m", "bench.peers", "--load", str(target), "--data", str(data), "--brand", brand], quiet)
    ours = installation.run_stage("land", brand, (moment - timedelta(days=1)).date())
    lines = count_lines(data, brand)
    figures = [measure("items landed by each", lines, "items")]
    for name, spent, file, schemas in (("dlt", peer, target, ("landed",)), ("fifty land", ours, root / "warehouse.duckdb", ("staging",))):
        tables, rows = count_tables(file, schemas)
        figures += [
            measure(name, spent.seconds, "s"),
            measure(f"{name}, items a second", round(lines / spent.seconds), "items/s"),
            measure(f"{name}, processor", spent.processor_seconds, "s"),
            measure(f"{name}, peak memory", spent.memory_bytes, "bytes"),
            measure(f"{name}, tables", tables, "tables"),
            measure(f"{name}, rows", rows, "rows"),
            measure(f"{name}, file", count_bytes(file), "bytes"),
        ]
    figures.append(measure("fifty land, times as fast as dlt", peer.seconds / ours.seconds, "ratio"))
    return figures


def main() -> None:
    """Measure and write the results; with --load be the process that runs dlt."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--interactions", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="where to keep the world and the landing")
    parser.add_argument("--keep-results", action="store_true", help="print only; leave bench/results as it is")
    parser.add_argument("--load", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--brand", help=argparse.SUPPRESS)
    options = parser.parse_args()
    try:
        print(f"dlt {version('dlt')}")
    except PackageNotFoundError:
        raise SystemExit("this bench needs dlt: pip install -e '.[bench]'") from None
    if options.load:
        load_with_dlt(options.data, options.brand, options.load)
        return
    with tempfile.TemporaryDirectory(prefix="fifty-peers-") as name:
        figures = measure_peers(options.folder or Path(name), options.interactions)
    print_table(figures)
    if not options.keep_results:
        write_results("peers", figures)


if __name__ == "__main__":
    main()
