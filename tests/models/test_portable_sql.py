"""Every model as another engine would be given it: one SQL text for DuckDB and for Spark, differences only in the macros made for them.

dbt_project/models/**/*.sql → Jinja with the macros' `default__` versions → parsed as Spark's grammar

What it cannot show is that Spark gives the same rows; it shows that nothing of DuckDB's own grammar has crept in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import pytest
import sqlglot

from fifty.settings import PROJECT_ROOT

PROJECT = PROJECT_ROOT / "dbt_project"
MODELS = {path.stem: path for path in sorted((PROJECT / "models").rglob("*.sql"))}
#: functions and forms that one of the engines lacks, or that give other rows on it
NOT_SHARED = re.compile(
    r"\b(strpos|starts_with|list_aggregate|list_filter|array_agg|string_agg|unnest|generate_series|struct_pack|epoch_ms|make_timestamp|approx_count_distinct|mode)\s*\("
    r"|\bexclude\s*\(|\bpivot\b|\basof\b|\bpositional\b|\bcount\s*\(\s*distinct\s+[^()]*,",
    re.IGNORECASE,
)


class Engine:
    """What dbt hands to macros, as far as the models ask for it."""

    def __init__(self, engine: str) -> None:
        self.engine = engine
        self.macros: Mapping[str, Any] = {}

    def dispatch(self, name: str) -> Any:
        return self.macros.get(f"{self.engine}__{name}") or self.macros[f"default__{name}"]


def render(path: Path, engine: str = "default") -> str:
    """A model's SQL for an engine, all that a build would decide left at its defaults."""
    adapter = Engine(engine)
    dbt = SimpleNamespace(
        date_trunc=lambda part, value: f"date_trunc('{part}', {value})",
        datediff=lambda first, last, part: f"datediff({last}, {first})",
    )
    environment = jinja2.Environment(extensions=["jinja2.ext.do"], autoescape=False)
    environment.globals |= {
        "adapter": adapter,
        "dbt": dbt,
        "ref": lambda name: name,
        "source": lambda schema, table: f"{schema}.{table}",
        "config": lambda **_: "",
        "var": lambda _, default=None: default,
        "env_var": lambda _, default="": default,
        "return": lambda value: value,
        "target": SimpleNamespace(type="spark" if engine == "default" else engine),
        "this": SimpleNamespace(identifier=path.stem),
        "execute": False,
        "exceptions": SimpleNamespace(raise_compiler_error=lambda text: pytest.fail(text)),
    }
    macros = "\n".join(file.read_text(encoding="utf-8") for file in sorted((PROJECT / "macros").glob("*.sql")))
    adapter.macros = vars(environment.from_string(macros).module)
    text = macros + path.read_text(encoding="utf-8")
    # Plain Jinja knows macros that write text, not those that give a value.
    for name in ("parameter_names", "quality_rules"):
        text = text.replace(f"in {name}()", f"in {adapter.macros[name]().strip()}")
    return environment.from_string(text.replace("if keeps_up()", "if false")).render()


@pytest.mark.parametrize("model", MODELS)
def test_a_model_is_sql_of_the_other_engine_too(model: str) -> None:
    sql = render(MODELS[model])
    assert len(sqlglot.parse(sql, read="spark")) == 1
    written = re.sub(r"'(?:[^']|'')*'|--[^\n]*", "''", MODELS[model].read_text(encoding="utf-8"))
    found = NOT_SHARED.search(written)
    assert found is None, f"{model}: `{found[0] if found else ''}` is not shared by both engines: wrap it in macros/xdb.sql"


def test_what_only_one_engine_knows_is_seen() -> None:
    for text in ("select strpos(a, b)", "select * exclude (a)", "select count(distinct a, b)", "select unnest(a)"):
        assert NOT_SHARED.search(text), text
    with pytest.raises(sqlglot.errors.ParseError):
        sqlglot.parse("select from where", read="spark")
