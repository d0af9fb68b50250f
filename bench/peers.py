"""Fifty beside what others would take: its land beside a `dlt` pipeline into DuckDB on the same landed items, its influence beside sparse matrices of SciPy.

one finished landing → (a) dlt: every item as sent, one table a stream, nested lists as child tables, its own schema inference and state
                     → (b) fifty land: checks, quarantine, duplicates, scopes, ledger, mapping into platform-free staging tables

Both read the same files once, into a fresh DuckDB file, each in a process of its own. dlt is given what its documentation advises for volume: items in
pages, no nesting beyond two levels, Parquet between its stages, two workers. What the two make of the items is not the same; the table says what each has.
Influence and passivity (M1) are computed on one made-up graph of reshares by the models of the dbt project, round by round in SQL, and by SciPy with two sparse
products a round; both stop by the same rule, and the table says how far apart they end.
Run alone: `python -m bench.peers [--interactions N] [--folder DIR]` writes bench/results/peers.json; needs the extra `bench`.
"""

from __future__ import annotations

import argparse
import gzip
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import duckdb
import numpy
import simplejson

from bench.results import Figure, measure, print_table, write_results
from bench.stages import Installation, count_bytes, measure_command
from bench.worlds import end_of_world, make_world_apart
from demo.model import read_head
from fifty.landing import list_finished_loads
from fifty.settings import PROJECT_ROOT

PAGE = 1_000
GRAPH_NODES = 20_000
GRAPH_EDGES = 200_000
ROUNDS_OF = "int_reshare_nodes int_reshare_components int_influence_start int_influence"
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


def make_graph(seed: int = 7) -> list[tuple[tuple[str, str], float]]:
    """Edges, (source, receiver) and weight, of a graph in which few sources are passed on by many, as in real ones; the same each time."""
    random = numpy.random.default_rng(seed)
    sources = (GRAPH_NODES * random.random(GRAPH_EDGES) ** 3).astype(int)
    receivers = random.integers(0, GRAPH_NODES, GRAPH_EDGES)
    weights = random.integers(1, 20, GRAPH_EDGES) / 20
    return sorted({(f"n{source:06}", f"n{receiver:06}"): weight for source, receiver, weight in zip(sources, receivers, weights, strict=True)
                   if source != receiver}.items())  # fmt: skip


def iterate_with_scipy(edges: list[tuple[tuple[str, str], float]], tolerance: float = 1e-9, most_rounds: int = 200) -> tuple[dict[str, float], int]:
    """Influence by node, of a graph that is one component, and the rounds it took."""
    from scipy.sparse import csr_array

    names = sorted({name for pair, _ in edges for name in pair})
    places = {name: place for place, name in enumerate(names)}
    rows = numpy.array([places[source] for (source, _), _ in edges])
    columns = numpy.array([places[receiver] for (_, receiver), _ in edges])
    weights = numpy.array([weight for _, weight in edges])
    shape = (len(names), len(names))
    accepted = numpy.bincount(columns, weights, len(names))
    rejected = numpy.bincount(rows, 1 - weights, len(names))
    acceptance = csr_array((weights / accepted[columns], (rows, columns)), shape)
    shares = numpy.divide(1 - weights, rejected[rows], where=rejected[rows] > 0, out=numpy.zeros(len(weights)))
    rejection = csr_array((shares, (rows, columns)), shape).T.tocsr()
    influence, passivity = numpy.ones(len(names)), numpy.ones(len(names))
    rounds, change = 0, 1.0
    while change >= tolerance and rounds < most_rounds:
        rounds += 1
        next_passivity = rejection @ influence
        next_passivity /= next_passivity.sum()
        next_influence = acceptance @ next_passivity
        next_influence /= next_influence.sum()
        change = abs(next_influence - influence).sum() + abs(next_passivity - passivity).sum()
        influence, passivity = next_influence, next_passivity
    return dict(zip(names, influence.tolist(), strict=True)), rounds


def measure_influence(folder: Path) -> list[Figure]:
    """Influence on one graph by the dbt project and by SciPy."""
    warehouse = folder / "influence.duckdb"
    warehouse.unlink(missing_ok=True)
    edges = make_graph()
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema intermediate")
        connection.execute("create table edges as select unnest($1) as source_key, unnest($2) as receiver_key, unnest($3) as weight", [
            [source for (source, _), _ in edges], [receiver for (_, receiver), _ in edges], [weight for _, weight in edges],
        ])  # fmt: skip
        connection.execute(
            "create table intermediate.int_reshare_edges as select *,"
            " round(weight / sum(weight) over (partition by receiver_key), 15) as acceptance,"
            " coalesce(round((1 - weight) / nullif(sum(1 - weight) over (partition by source_key), 0), 15), 0) as rejection from edges"
        )
        connection.execute(
            "create table intermediate.int_parameters as"
            " select 30.0::double as influence_least_nodes, 1e-9::double as influence_tolerance, 200.0::double as influence_most_rounds"
        )
    project = str(PROJECT_ROOT / "dbt_project")
    command = [str(Path(sys.executable).with_name("dbt")), "--quiet", "run", "--select", *ROUNDS_OF.split()]
    places = ["--project-dir", project, "--profiles-dir", project, "--target-path", str(folder / "target"), "--log-path", str(folder / "logs")]
    environment = {**os.environ, "FIFTY_WAREHOUSE": str(warehouse), "FIFTY_MARTS": str(folder / "influence_marts.duckdb")}
    measure_command([*command, *places], environment)
    ours = measure_command([*command, *places], environment)
    begun = time.perf_counter()
    theirs, theirs_rounds = iterate_with_scipy(edges)
    seconds = time.perf_counter() - begun
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        found = dict(connection.execute("select node_key, influence from intermediate.int_influence where influence is not null").fetchall())
        rounds = connection.execute("select max(round_count) from intermediate.int_influence").fetchone()
    return [
        measure("influence, edges", len(edges), "edges"),
        measure("influence, nodes scored by both", len(found.keys() & theirs.keys()), "nodes"),
        measure("influence in SQL, rounds", rounds[0] if rounds else None, "rounds"),
        measure("influence in SciPy, rounds", theirs_rounds, "rounds"),
        measure("influence in SQL, with dbt's start", ours.seconds, "s"),
        measure("influence in SciPy", seconds, "s"),
        measure("influence, greatest difference", max(abs(found[name] - theirs[name]) for name in theirs), "share", at_most=1e-9),
    ]


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
        folder = options.folder or Path(name)
        figures = [*measure_peers(folder, options.interactions), *measure_influence(folder)]
    print_table(figures)
    if not options.keep_results:
        write_results("peers", figures)


if __name__ == "__main__":
    main()
