"""Where every bench leaves its figures: one form, one folder, one table on the screen.

figures (name, value, unit, aim, whether it is met) → bench/results/<bench>.json, and a table

Run alone: `python -m bench.results` prints what all benches found last.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

FOLDER = Path(__file__).with_name("results")


@dataclass(frozen=True)
class Figure:
    """One measured number; `aim` is None where nothing is aimed at, `met` then too, and where the interval of the figure holds the aim: undecided."""

    name: str
    value: float | int | None
    unit: str
    aim: str | None = None
    met: bool | None = None


def measure(name: str, value: float | int | None, unit: str, *, at_most: float | None = None, at_least: float | None = None) -> Figure:
    """A figure, rounded as it is read, with its aim; a value that could not be had (None) meets none."""
    shown = value if value is None or isinstance(value, int) else float(f"{value:.4g}")
    if at_most is not None:
        return Figure(name, shown, unit, f"<= {at_most:g}", value is not None and value <= at_most)
    if at_least is not None:
        return Figure(name, shown, unit, f">= {at_least:g}", value is not None and value >= at_least)
    return Figure(name, shown, unit)


def find_results(bench: str) -> Path:
    """The file of a bench."""
    return FOLDER / f"{bench}.json"


def write_results(bench: str, figures: Sequence[Figure]) -> Path:
    """Write the figures of a bench; returns the file."""
    path = find_results(bench)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(figure) for figure in figures], indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def read_results(bench: str) -> list[Figure]:
    """What a bench found last; empty before its first run."""
    path = find_results(bench)
    return [Figure(**one) for one in json.loads(path.read_text(encoding="utf-8"))] if path.exists() else []


def print_table(figures: Iterable[Figure]) -> None:
    """The figures, one a line."""
    rows = [(figure.name, format_value(figure.value), figure.unit, figure.aim or "", say_met(figure)) for figure in figures]
    widths = [max((len(row[place]) for row in rows), default=0) for place in range(5)]
    for name, value, unit, aim, met in rows:
        line = f"{name:{widths[0]}}  {value:>{widths[1]}} {unit:{widths[2]}}  {aim:{widths[3]}}  {met}"
        print(line.rstrip(), flush=True)


def say_met(figure: Figure) -> str:
    """Whether a figure meets its aim, in a word; empty where nothing is aimed at."""
    return {True: "met", False: "MISSED", None: "undecided" if figure.aim else ""}[figure.met]


def format_value(value: float | int | None) -> str:
    """A value for reading: thousands apart, no useless digits."""
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def main() -> None:
    """Print all results."""
    for path in sorted(FOLDER.glob("*.json")):
        print(f"\n{path.stem}")
        print_table(read_results(path.stem))


if __name__ == "__main__":
    main()
