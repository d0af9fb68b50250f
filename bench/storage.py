"""What the copy of landing in an object store costs: the first upload, a comparison that finds nothing, one new load, an empty machine.

loads of a few lines → SeaweedFS on this machine → seconds, requests → bench/results/storage.json

Run it: `python -m bench.storage`, about a minute. A server on the same machine has no distance: what counts are the requests, and that they run side by side.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from object_store import BUCKET, ObjectStoreServer

from bench.results import measure, print_table, write_results
from fifty.landing import LoadKey, LoadWriter, ScopeRead, Window
from fifty.landing_store import LandingStore
from fifty.settings import Settings
from fifty.warehouse import BrandPaths

LOADS = 1000
FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def write_loads(data: Path, numbers: range) -> None:
    """Loads of ten lines, as an hourly pull of a quiet account brings them."""
    for number in numbers:
        key = LoadKey("acme", "plain", "acme", f"stream{number % 10}", Window(None, FIRST + timedelta(hours=number)))
        with LoadWriter(data, key, kind="events") as writer:
            writer.write({}, 1, [{"id": f"{number}-{line}", "text": "hello" * 20} for line in range(10)])
            writer.finish(scopes=[ScopeRead({}, "window", "posts", None, True, 10)], next_state={"watermark": str(number)})


def open_copy(data: Path, url: str, workers: int = 8) -> LandingStore:
    """The copy of a machine's landing."""
    settings = Settings(data=data, landing_url=url, storage_workers=workers, _env_file=None)  # type: ignore[call-arg]
    copy = LandingStore.open(BrandPaths(data, "acme"), settings)
    assert copy is not None
    return copy


def time_call(work: Callable[[], object]) -> float:
    """Seconds of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    """Measure and write the results."""
    with tempfile.TemporaryDirectory(prefix="fifty-storage-") as name:
        folder = Path(name)
        server = ObjectStoreServer(folder / "weed")
        try:
            server.start()
            os.environ.update(server.environment())
            url = f"s3://{BUCKET}/bench"
            write_loads(folder / "one", range(LOADS))
            first = time_call(open_copy(folder / "one", url).synchronise)
            alone = time_call(open_copy(folder / "one", f"{url}-alone", workers=1).synchronise)
            nothing = time_call(open_copy(folder / "one", url).synchronise)
            write_loads(folder / "one", range(LOADS, LOADS + 10))
            new = time_call(open_copy(folder / "one", url).synchronise)
            empty = time_call(open_copy(folder / "two", url).synchronise)
        finally:
            server.remove()
    figures = [
        measure("first upload, eight at a time", LOADS / first, "loads/s", at_least=50),
        measure("first upload, one at a time", LOADS / alone, "loads/s"),
        measure(f"comparison of {LOADS:,} loads that finds nothing", nothing, "s", at_most=2),
        measure(f"comparison of {LOADS:,} loads, and ten new ones", new, "s", at_most=3),
        measure("an empty machine fetches", (LOADS + 10) / empty, "loads/s", at_least=50),
    ]
    write_results("storage", figures)
    print_table(figures)


if __name__ == "__main__":
    main()
