"""The page that says what has been measured: each bench's question, its chief figures, and every aim that was missed with its reason.

bench/results/*.json, bench/evidence.yml → write_evidence() → docs/evidence.md

Figures are copied, never typed; a missed aim without a reason, or results without a section, are an error.
Run alone: `python -m bench.evidence` rewrites docs/evidence.md; `make bench` ends with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.results import FOLDER, Figure, format_value, read_results, say_met
from fifty.settings import PROJECT_ROOT
from fifty.yaml_files import read_yaml

EVIDENCE_FILE = PROJECT_ROOT / "docs" / "evidence.md"
_TEXTS = Path(__file__).with_suffix(".yml")
_HEAD = """# What has been measured

*Made of `bench/results/` by `make bench`; change `bench/evidence.yml` or run the bench again, not this page.*

Each bench was run on a machine with two cores, not all on the same day; all figures of its last run are in `bench/results/<name>.json`. An aim was set
before the first run and stays when it is missed; where chance alone could have met or missed it, it is undecided. Seconds depend on the machine; ratios are
measured against a limit in the same run and do not.
"""


def write_evidence() -> str:
    """The whole page as Markdown; a bench that has no results yet is named as such. Raises ValueError for results without a section, and a missed aim
    without a reason."""
    sections: dict[str, Any] = read_yaml(_TEXTS)["benches"]
    measured = {path.stem for path in FOLDER.glob("*.json")}
    if unknown := measured - set(sections):
        raise ValueError(f"{_TEXTS.name} says nothing of {sorted(unknown)}")
    figures = {bench: read_results(bench) for bench in sections}
    lines = [_HEAD, "| measured | aims met | by |", "| --- | --- | --- |"]
    for bench, section in sections.items():
        met = _count_met(figures[bench]) if bench in measured else "not run yet"
        lines.append(f"| [{section['title']}](#{_name_anchor(section['title'])}) | {met} | `{section['command']}` |")
    for bench, section in sections.items():
        lines += ["", f"## {section['title']}", "", section["question"].strip(), ""]
        if bench not in measured:
            lines.append("Not run on this version yet.")
            continue
        for table in section.get("tables", ()):
            lines += [*_write_comparison(figures[bench], table), ""]
        lines += _write_table(choose_figures(figures[bench], section["shows"]))
        missed = explain_missed(bench, figures[bench], section.get("missed", {}))
        if missed:
            lines += ["", "Missed:", "", *(f"- **{figure.name}**: {_write_value(figure)}, aim {figure.aim}. {reason}" for figure, reason in missed)]
    return "\n".join(lines) + "\n"


def choose_figures(figures: Sequence[Figure], shows: Iterable[str]) -> list[Figure]:
    """The figures whose whole name matches a pattern, in the order of the patterns. Raises ValueError for a pattern that matches none."""
    chosen: list[Figure] = []
    for pattern in shows:
        found = [figure for figure in figures if re.fullmatch(pattern, figure.name)]
        if not found:
            raise ValueError(f"no figure is named {pattern}")
        chosen += [figure for figure in found if figure not in chosen]
    return chosen


def explain_missed(bench: str, figures: Iterable[Figure], reasons: Mapping[str, str]) -> list[tuple[Figure, str]]:
    """Each figure that missed its aim, with the first reason whose pattern matches its whole name. Raises ValueError where there is none."""
    explained = []
    for figure in figures:
        if figure.met is False:
            reason = next((text for pattern, text in reasons.items() if re.fullmatch(pattern, figure.name)), None)
            if reason is None:
                raise ValueError(f"{bench}: {figure.name} missed its aim, and {_TEXTS.name} does not say why")
            explained.append((figure, " ".join(reason.split())))
    return explained


def _count_met(figures: Iterable[Figure]) -> str:
    aimed = [figure.met for figure in figures if figure.aim]
    undecided = f", {aimed.count(None)} undecided" if None in aimed else ""
    return f"{aimed.count(True)} of {len(aimed)}{undecided}" if aimed else "none set"


def _write_table(figures: Iterable[Figure]) -> list[str]:
    rows = [f"| {figure.name} | {_write_value(figure)} | {figure.aim or ''} | {_write_met(figure)} |" for figure in figures]
    return ["| figure | value | aim | |", "| --- | --- | --- | --- |", *rows]


def _write_comparison(figures: Sequence[Figure], table: Mapping[str, Any]) -> list[str]:
    """One row for each of `rows` (what figures call it → what the page calls it), one column for each name of a figure in which {row} stands for it."""
    values = {figure.name: format_value(figure.value) for figure in figures}
    lines = [f"| {table['of']} | {' | '.join(table['columns'])} |", f"| --- {'| --- ' * len(table['columns'])}|"]
    for row, label in table["rows"].items():
        cells = [values.get(name.format(row=row), "") for name in table["columns"].values()]
        if not any(cells):
            raise ValueError(f"no figure of {row} is in the results")
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return lines


def _write_value(figure: Figure) -> str:
    return f"{format_value(figure.value)} {figure.unit}"


def _write_met(figure: Figure) -> str:
    return "**missed**" if figure.met is False else say_met(figure)


def _name_anchor(title: str) -> str:
    return re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")


def main() -> None:
    """Rewrite the page."""
    EVIDENCE_FILE.write_text(write_evidence(), encoding="utf-8")
    print(f"{EVIDENCE_FILE} written")


if __name__ == "__main__":
    main()
