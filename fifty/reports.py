"""What stages did, in words and numbers: from each stage's own result to one line for people and one object for programs.

PullResult, LandResult, GateResult, … → StageReport → terminal, JSON, Airflow's grid

The results themselves belong to their stages; nothing here decides anything but what is worth a warning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fifty.connectors.base import discover_connectors
from fifty.errors import CredentialError, FatalError, FiftyError, GateFailed, LandingError, RetryableError, SettingsError, StorageRefusedError

if TYPE_CHECKING:
    from fifty.extract import ExtractResult
    from fifty.gate import GateResult
    from fifty.land import LandResult
    from fifty.landing_store import SyncResult
    from fifty.publish import PublishResult
    from fifty.pull import PullResult
    from fifty.transform import TransformResult

# Worst last. A retry helps only if nothing worse stands in the way, so the worst one decides.
_SEVERITY: tuple[type[FiftyError], ...] = (
    FiftyError,
    RetryableError,
    FatalError,
    LandingError,
    CredentialError,
    StorageRefusedError,
    SettingsError,
    GateFailed,
)


@dataclass
class StageReport:
    """What one stage did. `rows` counts what the stage is about: items pulled, rows landed, loads checked, models built, tables, files."""

    stage: str
    brand: str
    rows: int = 0
    unit: str = "rows"
    seconds: float = 0.0
    message: str = ""
    warnings: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def describe(self) -> str:
        """One line for people."""
        return f"{self.brand}: {self.stage:11} {self.message or f'{self.rows:,} {self.unit}'} in {self.seconds:.1f} s"

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        return {**vars(self), "seconds": round(self.seconds, 3)}


def describe_pull(report: StageReport, result: PullResult) -> None:
    """Put a pull into words. Raises the worst error when no platform sent anything: then there is nothing to go on with."""
    pulled, failed, finished = result.pulled, result.failed, [load for load in result.loads if load.is_finished]
    again = len(finished) - len(pulled)
    report.rows = result.item_count
    report.message = f"{len(pulled)} loads, {result.item_count:,} items, {result.request_count:,} requests"
    report.message += f", {again} pulled before" if again else ""
    report.message += f", {len(failed)} failed" if failed else ""
    # One missing credential fails every stream of an account with the same words: said once.
    report.warnings = list(dict.fromkeys([*(str(error) for error in result.errors), *result.warnings]))
    # A stream that had nothing to ask about finishes even while its platform is down: that is no sign of life.
    remote = [load for load in result.loads if discover_connectors()[load.platform].is_remote]
    came = [load for load in finished if load not in remote or load.item_count or load.request_count]
    report.facts = {"pulled": len(pulled), "came": len(came), "failed": len(failed), "errors": result.errors}
    if remote and not any(load in came for load in remote) and (worst := find_worst(result.errors)):
        raise worst


def describe_land(report: StageReport, result: LandResult) -> None:
    """Put landing into words; what could not be landed is a warning, the other loads went on."""
    report.rows = result.row_count
    report.message = f"{result.load_count} loads, {result.row_count:,} rows"
    report.message += f", {result.quarantined_count:,} lines quarantined" if result.quarantined_count else ""
    report.warnings = list(result.failures)
    report.facts = {"loads": result.load_count, "quarantined": result.quarantined_count}


def describe_stored(report: StageReport, stored: SyncResult, faults: Sequence[FiftyError]) -> None:
    """Add what went between this machine and the object store; a store that is down is a warning, and what it lacks follows."""
    report.message += f"; {stored.message}" if stored.message else ""
    report.warnings += [*stored.warnings, *(str(fault) for fault in faults)]
    report.facts |= {"pushed": stored.pushed, "fetched": stored.fetched}


def describe_gate(report: StageReport, result: GateResult) -> None:
    """Put a gate into words: verdicts on loads, and what did not pass."""
    report.rows = len(result.checks)
    parts = [f"{len(result.checks):,} checks"]
    for verdict in ("accepted", "warned", "rejected", "undecided"):
        if loads := getattr(result, verdict):
            parts.append(f"{len(loads)} loads {verdict}")
    report.message = ", ".join(parts)
    report.warnings = [f"{load_id}: {reason}" for load_id, reason in result.reasons.items()]
    report.warnings += [check.words for check in result.checks if check.load_id is None and check.outcome != "passed"]
    report.facts = {"rejected": list(result.rejected), "warned": list(result.warned), "quarantined": result.quarantined_count}


def describe_transform(report: StageReport, result: TransformResult) -> None:
    """Put a transform into words."""
    report.rows = result.row_count
    report.message = result.message
    report.warnings = list(result.warnings)
    report.facts = {"tables": dict(result.tables)}


def describe_publish(report: StageReport, result: PublishResult) -> None:
    """Put a publish into words."""
    report.rows = result.table_count
    report.message = (
        f"version {result.publish_id}, {result.table_count} tables" if result.is_new else f"nothing has changed since {result.publish_id}"
    )
    report.facts = {"publish_id": result.publish_id, "fingerprint": result.fingerprint, "is_new": result.is_new}


def find_worst(errors: Sequence[FiftyError]) -> FiftyError | None:
    """The error that decides what is done about all of them; the others are named in it."""
    if not errors:
        return None
    return max(errors, key=lambda error: max(rank for rank, kind in enumerate(_SEVERITY) if isinstance(error, kind)))


def describe_extract(report: StageReport, result: ExtractResult) -> None:
    """Put extracts into words."""
    report.rows = len(result.files)
    report.message = result.message
    report.facts = {"publish_id": result.publish_id, "folders": [str(folder) for folder in result.folders]}
