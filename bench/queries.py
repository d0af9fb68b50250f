"""The twenty analyst queries against a published file, each warm, in a process of its own.

published/marts.duckdb → a line of JSON for each query: its question, and the median of a few runs in milliseconds

Of its own, because DuckDB was once seen to end with the process that closed it; what was measured until then stands.
Run alone: `python -m bench.queries data/<brand>/published/marts.duckdb`.
"""

from __future__ import annotations

import json
import re
import statistics
import sys
import time
from pathlib import Path

import duckdb

QUERIES = Path(__file__).with_name("analyst_queries.sql")
RUNS = 5


def read_queries() -> list[tuple[str, str]]:
    """(question, query) of each analyst query."""
    text = QUERIES.read_text(encoding="utf-8")
    return [(question.strip(), query.strip()) for question, query in re.findall(r"^-- (\d+\. .+)\n((?:(?!--).*\n?)+?;)", text, re.MULTILINE)]


def main() -> None:
    """Run each query once to warm it and a few times for its median."""
    with duckdb.connect(sys.argv[1], read_only=True, config={"threads": 2}) as connection:
        for question, query in read_queries():
            seconds = []
            for _ in range(RUNS + 1):
                begun = time.perf_counter()
                connection.execute(query).fetchall()
                seconds.append(time.perf_counter() - begun)
            print(json.dumps({"question": question, "milliseconds": 1000 * statistics.median(seconds[1:])}), flush=True)


if __name__ == "__main__":
    main()
