"""Bring work files to what this program writes: migrated in place, or rebuilt from landing where a column differs.

ops.schema_version, columns → UpgradePlan (nothing, migrate, rebuild; with the time it will take) → the work file

Landing is never changed: it is what everything can be made of again. Run alone: `fifty upgrade --check`, `fifty upgrade`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal

import duckdb

from fifty.disk import refuse_replay
from fifty.landing import list_finished_loads
from fifty.settings import Settings
from fifty.warehouse import (
    SCHEMA_VERSION,
    BrandPaths,
    connect,
    list_column_differences,
    lock_brand,
    open_work_file,
    read_schema_version,
    refuse_schema,
)

logger = logging.getLogger(__name__)

LANDED_BYTES_A_SECOND = 2_000_000
"""Compressed, where no run of the brand tells better: a tenth of what two cores were measured to do with large loads; small ones take longer."""


@dataclass(frozen=True)
class UpgradePlan:
    """What has to be done about a brand's work file. `seconds` is an estimate of the rebuilding, with the next transform, which begins from nothing."""

    brand: str
    found: int | None
    action: Literal["nothing", "migrate", "rebuild"]
    why: str = ""
    load_count: int = 0
    landed_bytes: int = 0
    seconds: float = 0.0

    @property
    def message(self) -> str:
        """In words."""
        if self.action == "nothing":
            return "nothing to do" + (f": schema {self.found}" if self.found else ": no work file")
        if self.action == "migrate":
            return f"migrated in place from schema {self.found} to {SCHEMA_VERSION}, in seconds"
        took = f"{self.seconds / 60:.0f} minutes" if self.seconds >= 90 else f"{self.seconds:.0f} seconds"
        return (
            f"rebuilt from {self.load_count:,} landed loads ({self.landed_bytes:,} bytes) because of {self.why}; about {took} with the next"
            " transform. The ledgers of runs and gate results begin anew"
        )


def plan_upgrade(paths: BrandPaths, settings: Settings) -> UpgradePlan:
    """What `upgrade_brand` would do. Changes nothing.

    Raises SchemaError for a work file that a newer program made, RetryableError for one that is open elsewhere, FatalError for one that is damaged.
    """
    if not paths.warehouse.exists():
        return UpgradePlan(paths.brand, None, "nothing")
    with lock_brand(paths, settings), open_work_file(paths, settings, read_only=True) as connection:
        found = read_schema_version(connection)
        if found == SCHEMA_VERSION:
            return UpgradePlan(paths.brand, found, "nothing")
        differences = list_column_differences(connection)
        if found is not None and found > SCHEMA_VERSION:
            refuse_schema(connection, paths)
        if not differences:
            return UpgradePlan(paths.brand, found, "migrate")
        loads = list_finished_loads(paths.data, paths.brand)
        size = sum(part.stat().st_size for load in loads for part in load.part_paths if part.exists())
        why = f"other columns in {', '.join(differences)}"
        return UpgradePlan(paths.brand, found, "rebuild", why, len(loads), size, _estimate_seconds(connection, size))


def upgrade_brand(plan: UpgradePlan, paths: BrandPaths, settings: Settings) -> list[str]:
    """Do what was planned. Killed at any line the old work file stands or the new one, and the same command goes on.

    Returns in words the loads that could not be landed and were not in the old work file either. Raises DiskError where a rebuilt file would not fit
    beside the old one, LandingError where it would lack loads that the old one holds: then the old one stands.
    """
    failures: list[str] = []
    if plan.action == "migrate":
        with lock_brand(paths, settings), connect(paths, settings):
            pass
    elif plan.action == "rebuild":
        from fifty.gate import gate_landed
        from fifty.land import run_replay

        refuse_replay(paths, settings)
        failures = run_replay(paths, settings, run_id="upgrade").failures
        # What the old file knew of verdicts went with it.
        gate_landed(paths, settings, run_id="upgrade")
    logger.info("upgrade brand=%s failed=%d %s", paths.brand, len(failures), plan.message)
    return failures


def _estimate_seconds(connection: duckdb.DuckDBPyConnection, landed_bytes: int) -> float:
    """From the brand's own runs: rows landed a second, and the longest transform; from the bytes where there are none."""
    try:
        rate, total, transform = connection.execute("""
            select
                (select sum(row_count) / nullif(sum(seconds), 0) from ops.runs where stage = 'land' and row_count > 0),
                (select sum(accepted_count) from ops.loads),
                (select max(seconds) from ops.runs where stage = 'transform')
        """).fetchall()[0]
    except duckdb.Error:
        # An older file may lack even these.
        rate = total = transform = None
    landing = float(total) / rate if rate and total else landed_bytes / LANDED_BYTES_A_SECOND
    return landing + float(transform or 0)
