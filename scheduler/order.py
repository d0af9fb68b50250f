"""The order of the DAGs as their assets give it: who produces what another waits for runs before it.

dags/ → outlets and schedules → find_waves()

`dag.test()` starts nothing downstream, so whoever runs the DAGs by hand must know the order; it is derived, never written down.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from typing import Any


def list_produced(dag: Any) -> set[str]:
    """URIs of the assets a DAG's tasks may update; an alias counts as the asset whose URI its name begins with."""
    return {getattr(outlet, "uri", None) or outlet.name.partition("#")[0] for task in dag.tasks for outlet in task.outlets or []}


def list_awaited(dag: Any) -> set[str]:
    """URIs of the assets a DAG is scheduled on."""
    return set(_walk_assets(getattr(dag.timetable, "asset_condition", None)))


def _walk_assets(condition: Any) -> Iterator[str]:
    # An asset, or `any` / `all` of further conditions.
    if hasattr(condition, "uri"):
        yield condition.uri
    for part in getattr(condition, "objects", ()):
        yield from _walk_assets(part)


def find_waves(dags: Mapping[str, Any]) -> list[list[str]]:
    """Ids of the DAGs that belong to the flow (produce or await an asset), wave by wave: those of one wave wait for earlier waves only, none for
    another of its own, so that they may run side by side. By name within a wave.

    Raises graphlib.CycleError when they wait for each other.
    """
    produced = {name: list_produced(dag) for name, dag in dags.items()}
    awaited = {name: list_awaited(dag) for name, dag in dags.items()}
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for name in sorted(dags):
        if produced[name] or awaited[name]:
            sorter.add(name, *sorted(other for other in dags if produced[other] & awaited[name]))
    sorter.prepare()
    waves: list[list[str]] = []
    while sorter.is_active():
        waves.append(sorted(sorter.get_ready()))
        sorter.done(*waves[-1])
    return waves
