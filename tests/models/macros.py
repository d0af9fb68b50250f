"""The project's macros for Python tests, read once."""

from __future__ import annotations

from functools import cache
from typing import Any

from fifty import project_macros


@cache
def read_macros(engine: str = "duckdb") -> Any:
    """Every macro of the project as a Python function that gives SQL; `engine` is `duckdb` or `default` (Spark)."""
    return project_macros.read_macros(engine)
