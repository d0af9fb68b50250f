"""The project's macros without dbt: what they write for DuckDB, or for Spark, from their own files.

dbt_project/macros/*.sql → Jinja → SQL text. For macros that need no model; dbt itself runs them in the models' tests.
"""

from __future__ import annotations

from functools import cache
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


@cache
def read_macros(engine: str = "duckdb") -> Any:
    """Every macro of the project as a Python function that gives SQL; `engine` is `duckdb` or `default` (Spark)."""
    folder = PROJECT_ROOT / "dbt_project" / "macros"
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.sql")))
    adapter = _Adapter(engine)
    environment = jinja2.Environment(extensions=["jinja2.ext.do"], autoescape=False)
    adapter.macros = environment.from_string(text, globals={"adapter": adapter, "return": lambda value: value}).module
    return adapter.macros
