"""The dbt project's macros without dbt: the SQL they write for DuckDB, or for Spark, from their own files.

dbt_project/macros/*.sql → Jinja → functions that give SQL text

So a formula stands in one place only, whoever asks: the build, the calibration, the tests. Try it alone:
`python -c "from fifty.project_macros import read_macros; print(read_macros().balance('3', '1'))"`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from fifty.settings import PROJECT_ROOT


class _Adapter:
    """Chooses an engine's version of a macro, as dbt's adapter does."""

    def __init__(self, engine: str) -> None:
        self.engine = engine
        self.macros: Any = None

    def dispatch(self, name: str) -> Any:
        return getattr(self.macros, f"{self.engine}__{name}", None) or getattr(self.macros, f"default__{name}")


def read_macros(engine: str = "duckdb", *, project: Path = PROJECT_ROOT / "dbt_project", relations: Mapping[str, str] | None = None) -> Any:
    """Every macro of the project as a Python function that gives SQL.

    `engine` is `duckdb` or `default` (Spark); `relations` says which relation a model's name stands for, where a macro refers to models.
    """
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted((project / "macros").glob("*.sql")))
    adapter = _Adapter(engine)
    environment = jinja2.Environment(extensions=["jinja2.ext.do"], autoescape=False)
    names = dict(relations or {})
    template = environment.from_string(text, globals={"adapter": adapter, "return": lambda value: value, "ref": lambda name: names[name]})
    adapter.macros = template.module
    return adapter.macros
