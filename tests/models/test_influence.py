"""Influence and passivity round by round, through the materialization that repeats them: the toy graphs of the specification, M1.

Edges of a graph, put in the place of what was observed → dbt run of the models behind → rounds, residual and scores
"""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest
from dbt.cli.main import dbtRunner

from tests.models.conftest import Brand
from tests.models.test_project import PROJECT

COUNTS = {"brand": 10, "ana": 5, "bob": 4, "cai": 2, "dee": 3}
T1 = {
    ("brand", "ana"): 6,
    ("brand", "bob"): 2,
    ("brand", "cai"): 1,
    ("ana", "bob"): 3,
    ("ana", "dee"): 1,
    ("bob", "dee"): 2,
    ("cai", "ana"): 1,
}
NAMES = ("ana", "bob", "brand", "cai", "dee")
LEAK = {("A", "x"): (5, 10), ("A", "y"): (1, 10), ("B", "x"): (2, 10), ("B", "y"): (1, 10)}
APART = {("C", "u"): (5, 10), ("C", "v"): (2, 10), ("D", "u"): (3, 3)}
NOTHING_REJECTED = {("E", "s"): (3, 3), ("F", "s"): (3, 3)}
PAIR = {("G", "t"): (1, 4)}
# Each passed on one item of the next: the smallest key is forty steps from the other end, and the keys are in no order along the chain.
CHAIN = {(f"n{number * 7 % 41}", f"n{(number + 1) * 7 % 41}"): (1, 4) for number in range(40)}
REPEATED = "int_reshare_edges int_reshare_nodes int_reshare_components int_influence_start int_influence int_influence_exposed"


class Graphs:
    """A built brand of which only the edges are replaced."""

    def __init__(self, brand: Brand, folder: Path) -> None:
        self.warehouse = folder / "warehouse.duckdb"
        self.folder = folder
        shutil.copy(brand.paths.warehouse, self.warehouse)
        shutil.copy(brand.paths.marts, folder / "marts.duckdb")
        shutil.copytree(brand.paths.dbt_target, folder / "target")
        edges = {pair: (count, COUNTS[pair[0]]) for pair, count in T1.items()} | LEAK | APART | NOTHING_REJECTED | PAIR | CHAIN
        with duckdb.connect(str(self.warehouse)) as connection:
            connection.execute("use warehouse.intermediate")
            connection.execute("delete from int_reshares_counted; delete from int_reshare_sources; delete from int_influence_exposures")
            for (source, receiver), (reshared, published) in edges.items():
                connection.execute(
                    "insert into int_reshares_counted by name select ? as source_key, ? as receiver_key, 'm:' || number as post_key from range(?) as items(number)",
                    [source, receiver, reshared],
                )
                connection.execute(
                    "insert into int_reshare_sources by name select ? as node_key, ? as item_count"
                    " where not exists (select 1 from int_reshare_sources where node_key = ?)",
                    [source, published, source],
                )
            connection.execute("insert into int_influence_exposures values ('brand', 'dee')")

    def iterate(self, **parameters: float) -> dict[str, dict[str, float | None]]:
        """Score all graphs under some parameters; node to influence, passivity, residual, round_count, component and passivity_exposed."""
        values = {"influence_least_nodes": 3, "influence_tolerance": 1e-9, "influence_most_rounds": 200} | parameters
        with duckdb.connect(str(self.warehouse)) as connection:
            assignments = ", ".join(f"{name} = {value}" for name, value in values.items())
            connection.execute(f"update warehouse.intermediate.int_parameters set {assignments}")
        places = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--target-path", str(self.folder / "target")]
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("FIFTY_WAREHOUSE", str(self.warehouse))
            patch.setenv("FIFTY_MARTS", str(self.folder / "marts.duckdb"))
            patch.setenv("FIFTY_RUN_AS_OF", "2026-10-31")
            done = dbtRunner().invoke(["run", "--select", *REPEATED.split(), *places, "--log-path", str(self.folder), "--log-level", "none"])
        assert done.success, done.exception or [one.message for one in done.result]
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            cursor = connection.execute(
                "select scores.*, exposed.passivity_exposed from warehouse.intermediate.int_influence as scores"
                " left join warehouse.intermediate.int_influence_exposed as exposed using (component_id, node_key)"
            )
            names = [column[0] for column in cursor.description]
            found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
            left_behind = connection.execute("select count(*) from duckdb_tables() where table_name like '%\\_\\_%' escape '\\'").fetchone()
        assert left_behind == (0,)
        return {row["node_key"]: row for row in found}


@pytest.fixture(scope="module")
def graphs(built: Brand, tmp_path_factory: pytest.TempPathFactory) -> Graphs:
    return Graphs(built, tmp_path_factory.mktemp("graphs"))


@pytest.fixture(scope="module")
def converged(graphs: Graphs) -> dict[str, dict[str, float | None]]:
    return graphs.iterate()


def read(scores: dict[str, dict[str, float | None]], column: str, names: tuple[str, ...] = NAMES) -> list[float | None]:
    return [scores[name][column] for name in names]


@pytest.mark.parametrize(
    ("rounds", "influence"),
    [(1, [0.252976, 0.297619, 0.314123, 0.135281, 0]), (5, [0.319488, 0.444122, 0.193595, 0.042795, 0])],
)
def test_influence_after_a_few_rounds_is_that_of_the_specification(graphs: Graphs, rounds: int, influence: list[float]) -> None:
    scores = graphs.iterate(influence_most_rounds=rounds)
    assert read(scores, "influence") == pytest.approx(influence, abs=1e-6)
    assert set(read(scores, "round_count")) == {rounds}
    assert all(residual is not None and residual > 1e-9 for residual in read(scores, "residual"))


def test_influence_and_passivity_converge_in_seventy_seven_rounds(converged: dict[str, dict[str, float | None]]) -> None:
    assert read(converged, "influence") == pytest.approx([0.332820, 0.554700, 0.097072, 0.015408, 0], abs=1e-6)
    assert read(converged, "passivity") == pytest.approx([0.033898, 0.147920, 0, 0.041602, 0.776579], abs=1e-6)
    assert set(read(converged, "round_count")) == {77}
    assert all(residual is not None and 0 < residual < 1e-9 for residual in read(converged, "residual"))


def test_a_finer_tolerance_takes_a_hundred_and_three_rounds(graphs: Graphs) -> None:
    assert set(read(graphs.iterate(influence_tolerance=1e-12), "round_count")) == {103}


def test_a_silent_follower_is_passive_in_one_pass_after_the_rounds(converged: dict[str, dict[str, float | None]]) -> None:
    # The brand has nobody to accept from: no row, not a zero.
    assert read(converged, "passivity_exposed") == pytest.approx([0.027934, 0.135991, None, 0.028182, 0.807893], abs=1e-6)


def test_each_component_sums_to_one_though_one_source_leaks(converged: dict[str, dict[str, float | None]]) -> None:
    assert read(converged, "influence", ("A", "B", "C", "D")) == pytest.approx([0.586581, 0.413419, 0.743590, 0.256410], abs=1e-6)
    for names in ("ABxy", "CDuv"):
        assert sum(converged[name]["influence"] or 0 for name in names) == pytest.approx(1)
        assert sum(converged[name]["passivity"] or 0 for name in names) == pytest.approx(1)
        assert len({converged[name]["component_id"] for name in names}) == 1
    assert len({row["component_id"] for row in converged.values()}) == 6


def test_the_ends_of_a_long_chain_are_one_component(converged: dict[str, dict[str, float | None]]) -> None:
    assert {converged[f"n{number}"]["component_id"] for number in range(41)} == {"n0"}


def test_where_everything_was_passed_on_nothing_is_observed(converged: dict[str, dict[str, float | None]]) -> None:
    assert read(converged, "influence", ("E", "F", "s")) == read(converged, "passivity", ("E", "F", "s")) == [None] * 3
    assert read(converged, "round_count", ("E", "F", "s")) == [1] * 3


def test_too_small_a_graph_is_not_scored(converged: dict[str, dict[str, float | None]]) -> None:
    assert read(converged, "influence", ("G", "t")) == [None, None]
    assert read(converged, "round_count", ("G", "t")) == [0, 0]
