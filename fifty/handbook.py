"""The analyst's handbook: a page for every mart, made of what the mart's own YAML says of it, so that it cannot drift from the mart.

dbt_project/models/marts/**.yml, seeds/questions.csv, fifty/published.yml → write_handbook() → docs/handbook.md

Try it: `python -m fifty.handbook` rewrites docs/handbook.md; `make handbook` does the same.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

from fifty.dictionary import READABLE_SCHEMAS, read_own_tables
from fifty.settings import PROJECT_ROOT
from fifty.yaml_files import read_yaml

HANDBOOK_FILE = PROJECT_ROOT / "docs" / "handbook.md"
_SCHEMAS = {
    "engagement": "What happened, message by message, and what it drew.",
    "relationships": "Who is in touch with whom, who is real, what it is worth.",
    "ops": "Whether any of it may be believed, and what it rests on.",
}
#: units of what is no figure
_NO_FIGURES = {"text", "id", "flag", "name", "names", "url", "address", "ISO 4217", "unit", "UTC", "UTC date", "local date"}
_HEAD = """# The analyst's handbook

*Made from the models by `make handbook`; change the model's YAML, not this page.*

Each page says what its table is for and what not. *Units* names its figures by unit, ends of intervals left out; *Rates* says what each is a share of, or what is
divided by what. Open `data/<brand>/published/marts.duckdb` read-only. Everything here is in the file too: `select * from ops.start_here`, and every column with its
unit in `ops.data_dictionary`. Measures are numbered as in their descriptions (M1 to M11); how open points were read is in
[decisions/0010](decisions/0010-what-the-measures-decide.md).

Three rules hold in every table. NULL is unknown, with the reason in a column beside it; 0 was counted. A rate stands beside its numerator, its denominator,
both ends of its 95 % interval and `is_too_few`. Rows with different `parameters_version` must not be compared.
"""


def read_mart_pages(project: Path = PROJECT_ROOT / "dbt_project") -> dict[str, dict[str, Any]]:
    """`schema.mart` → description, columns and meta (question, grain, key, formula, caveats, not_for, example) of every mart of the dbt project."""
    pages = {}
    for path in sorted((project / "models" / "marts").glob("*/*.yml")):
        for model in read_yaml(path).get("models", []):
            pages[f"{path.parent.name}.{model['name']}"] = {
                "description": model["description"],
                "columns": model["columns"],
                **model["config"]["meta"],
            }
    return pages


def read_questions(project: Path = PROJECT_ROOT / "dbt_project") -> list[dict[str, str]]:
    """The questions everybody asks, in their order: question_number, question, mart, query, caveat."""
    with (project / "seeds" / "questions.csv").open(encoding="utf-8", newline="") as file:
        return sorted(csv.DictReader(file), key=lambda row: int(row["question_number"]))


def write_handbook() -> str:
    """The whole page as Markdown."""
    pages = read_mart_pages()
    lines = [_HEAD, "## The questions everybody asks", ""]
    for row in read_questions():
        lines += [
            f"**{row['question_number']}. {row['question']}** [{row['mart']}](#{_anchor(row['mart'])})",
            "",
            *_sql(row["query"]),
            "",
            row["caveat"],
            "",
        ]
    lines += ["## Every table", "", "| table | question |", "| --- | --- |"]
    lines += [f"| [{name}](#{_anchor(name)}) | {pages[name]['question']} |" for name in _in_reading_order(pages)]
    for schema in READABLE_SCHEMAS:
        lines += ["", f"## {schema}", "", _SCHEMAS[schema]]
        for name in (one for one in _in_reading_order(pages) if one.startswith(f"{schema}.")):
            lines += ["", *_write_page(name, pages[name])]
        if schema == "ops":
            for table in read_own_tables().values():
                lines += [
                    "",
                    f"### {table.schema}.{table.name}",
                    "",
                    table.description,
                    "",
                    f"Key: `{', '.join(table.key)}`. Added when a version is published.",
                ]
    return "\n".join(lines).rstrip() + "\n"


def _in_reading_order(pages: dict[str, dict[str, Any]]) -> list[str]:
    return sorted(pages, key=lambda name: (READABLE_SCHEMAS.index(name.split(".")[0]), name))


def _anchor(name: str) -> str:
    return name.replace(".", "").lower()


def _sql(query: str) -> list[str]:
    return ["```sql", query, "```"]


def _write_page(name: str, page: dict[str, Any]) -> list[str]:
    return [
        f"### {name}",
        "",
        f"*{page['question']}*",
        "",
        page["description"],
        "",
        f"- **Grain**: {page['grain']}; key `{', '.join(page['key'])}`.",
        f"- **Formula**: {page['formula']}",
        *_write_figures(page["columns"]),
        *(f"- **Mind**: {caveat}" for caveat in page["caveats"]),
        f"- **Not for**: {page['not_for']}",
        "",
        f"{page['example']['name']}",
        "",
        *_sql(page["example"]["query"]),
    ]


def _is_rate(unit: str) -> bool:
    """Whether a figure of this unit has a denominator that must be said."""
    return unit in {"share", "share 0-1", "ratio"} or unit.startswith("per ") or " per " in unit


def _write_figures(columns: list[dict[str, Any]]) -> list[str]:
    """Two lines: figures by unit, and rates with what they are divided by. The ends of an interval stand for their middle."""
    by_unit: dict[str, list[str]] = {}
    rates = []
    for column in columns:
        unit = column["config"]["meta"]["unit"]
        if unit in _NO_FIGURES or column["name"].endswith(("_low", "_high")):
            continue
        by_unit.setdefault(unit, []).append(f"`{column['name']}`")
        if _is_rate(unit):
            rates.append(f"`{column['name']}`: {column['description']}")
    lines = []
    if by_unit:
        lines.append("- **Units**: " + "; ".join(f"{unit}: {', '.join(names)}" for unit, names in by_unit.items()) + ".")
    if rates:
        lines.append("- **Rates**: " + ". ".join(rates) + ".")
    return lines


if __name__ == "__main__":
    HANDBOOK_FILE.write_text(write_handbook(), encoding="utf-8")
    sys.stdout.write(f"wrote {HANDBOOK_FILE}\n")
