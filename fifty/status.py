"""How a brand stands: what was pulled, what waits, what was refused, what is published and how fresh it is.

landing, work file (when nobody writes it), published version → BrandStatus → lines of text

Changes nothing. Run alone: `fifty status`, `fifty status --json`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from fifty.config import Brand
from fifty.errors import FatalError, LandingError, RetryableError
from fifty.extract_store import count_waiting_extracts
from fifty.landing import list_finished_loads, parse_instant
from fifty.landing_store import LandingStore
from fifty.publish import list_versions, open_version, read_current_version
from fifty.publish_store import is_version_stored
from fifty.settings import Settings
from fifty.state import Act, read_state
from fifty.warehouse import BrandPaths, connect, lock_brand


@dataclass(frozen=True)
class AccountStatus:
    """Newest finished load of one account."""

    platform: str
    account: str
    load_count: int
    newest_window_end: str
    newest_observed_at: str
    warning_count: int
    is_configured: bool = True


@dataclass
class BrandStatus:
    """Everything about one brand; what could not be looked at is None, and `notes` say why."""

    brand: str
    accounts: list[AccountStatus] = field(default_factory=list)
    never_pulled: list[str] = field(default_factory=list)
    finished_loads: int = 0
    pending_loads: int | None = None
    undecided_loads: int | None = None
    rejected_loads: list[dict[str, Any]] | None = None
    quarantined_rows: dict[str, int] | None = None
    failed_checks: list[dict[str, Any]] | None = None
    published_version: str | None = None
    published_as_of: str | None = None
    version_count: int = 0
    behind: list[str] | None = None
    coverage: dict[str, int] | None = None
    hold: Act | None = None
    pause: Act | None = None
    departure: Act | None = None
    last_resend: Act | None = None
    not_stored: dict[str, int] | None = None
    """What is here and not known to be in the object store, by area; None where everything stays local."""
    notes: list[str] = field(default_factory=list)


def read_status(slug: str, brand: Brand, settings: Settings) -> BrandStatus:
    """Status of one brand. A run that is under way is waited for a second, then its part is left out and said so."""
    paths = BrandPaths(settings.data, slug)
    state = read_state(paths)
    resends = [act for act in state.acts if act.kind == "resend"]
    status = BrandStatus(slug, hold=state.hold, pause=state.pause, departure=state.departure, last_resend=resends[-1] if resends else None)
    if state.departure:
        status.notes.append("the brand has left: take it out of fifty.yml")
        return status
    known = _read_landing(status, brand, settings)
    _read_work_file(status, paths, settings, known)
    _read_published(status, paths)
    _read_stored(status, paths, settings)
    return status


def _read_landing(status: BrandStatus, brand: Brand, settings: Settings) -> set[str]:
    damaged: dict[Path, LandingError] = {}
    loads = list_finished_loads(settings.data, status.brand, damaged=damaged)
    status.notes += [str(error) for _, error in sorted(damaged.items())]
    configured = {(account.platform, account.account_key) for account in brand.accounts}
    grouped: dict[tuple[str, str], list[Any]] = {}
    for load in loads:
        grouped.setdefault((load.manifest.platform, load.manifest.account_id), []).append(load.manifest)
    platforms = {account.platform for account in brand.accounts}
    for (platform, account), manifests in sorted(grouped.items()):
        # Load ids derive from the window, so the newest window is the newest load that is no backfill.
        newest = max(manifests, key=lambda manifest: (not manifest.is_backfill, manifest.window["end"] or "", manifest.observed_at))
        status.accounts.append(
            AccountStatus(
                platform,
                account,
                len(manifests),
                newest.window["end"] or "",
                newest.observed_at,
                sum(len(manifest.warnings) for manifest in manifests if manifest.window["end"] == newest.window["end"]),
                (platform, account) in configured or platform not in platforms,
            )
        )
    pulled = {*grouped, *((folder.parts[-4], folder.parts[-3]) for folder in damaged)}
    status.never_pulled = sorted(f"{platform}/{account}" for platform, account in configured - pulled)
    status.finished_loads = len(loads)
    return {load.manifest.load_id for load in loads}


def _read_work_file(status: BrandStatus, paths: BrandPaths, settings: Settings, finished: set[str]) -> None:
    if not paths.warehouse.exists():
        status.pending_loads = len(finished)
        status.notes.append("nothing was landed in a warehouse yet")
        return
    hurried = settings.model_copy(update={"lock_timeout_seconds": 1.0})
    try:
        with lock_brand(paths, hurried), connect(paths, hurried) as connection:
            states = dict(connection.execute("select load_id, load_status from ops.loads").fetchall())
            status.pending_loads = len(finished - set(states))
            status.undecided_loads = sum(state == "landed" for state in states.values())
            status.rejected_loads = [
                {"load_id": load_id, "stream": f"{platform}/{account}/{stream}", "why": why}
                for load_id, platform, account, stream, why in connection.execute("""
                    select loads.load_id, platform, source_account_id, stream, min(results.expectation_id || ': ' || results.detail)
                    from ops.loads as loads
                    left join ops.gate_results as results
                        on results.load_id = loads.load_id and results.severity = 'critical' and results.outcome != 'passed'
                    where load_status = 'rejected' group by all order by all
                """).fetchall()
            ]
            status.quarantined_rows = dict(
                connection.execute("""
                    select platform || '/' || source_account_id || '/' || stream, count(*)
                    from ops.quarantine where replayed_at is null group by all order by all
                """).fetchall()
            )
            newest = "(select max(gate_run_id) from ops.gate_results where stage = 'marts')"
            status.failed_checks = [
                dict(zip(("suite", "check", "severity", "outcome", "detail"), row, strict=True))
                for row in connection.execute(f"""
                    select suite, expectation_id, severity, outcome, detail from ops.gate_results
                    where stage = 'marts' and outcome != 'passed' and gate_run_id = {newest} order by all
                """).fetchall()
            ]
    except RetryableError:
        status.notes.append("a run is under way: what waits, was refused or quarantined is not known right now")


def _read_published(status: BrandStatus, paths: BrandPaths) -> None:
    versions = list_versions(paths)
    status.version_count = len(versions)
    if read_current_version(paths) is None:
        status.notes.append("nothing is published yet")
        return
    try:
        with open_version(paths) as (version, reader):
            status.published_version = version.publish_id
            status.published_as_of = version.as_of_date
            status.behind = [
                f"{platform}/{account}/{stream}"
                for platform, account, stream in reader.execute("""
                    select platform, source_account_id, stream from ops.freshness where is_behind order by all
                """).fetchall()
            ]
            status.coverage = dict(reader.execute("select completeness_state, count(*) from ops.completeness group by all order by all").fetchall())
    except FatalError as error:
        status.notes.append(str(error))


def _read_stored(status: BrandStatus, paths: BrandPaths, settings: Settings) -> None:
    # From this machine's notes: a status must not wait for a store that is down.
    waiting: dict[str, int] = {}
    if landing := LandingStore.open(paths, settings):
        waiting["loads"] = landing.count_waiting()
    if (current := read_current_version(paths)) and (is_stored := is_version_stored(paths, settings, current)) is not None:
        waiting["versions"] = int(not is_stored)
    if settings.extracts_url:
        waiting["extracts"] = count_waiting_extracts(paths, settings)
    status.not_stored = waiting or None


def describe_status(status: BrandStatus) -> Iterator[str]:
    """The status as lines for a terminal."""
    yield f"{status.brand}"
    if status.departure:
        yield f"  left         {status.departure.words}"
    if status.pause:
        yield f"  paused       {status.pause.words}; nothing is pulled, built or sent until `fifty pause {status.brand} --resume`"
    if status.hold:
        yield f"  held         {status.hold.words}; no extract is written or sent until `fifty hold {status.brand} --release`"
    if status.published_version:
        end = parse_instant(f"{status.published_as_of}T00:00:00+00:00") + timedelta(days=1)
        yield f"  published    {status.published_version}, which covers all before {end:%Y-%m-%d %H:%M} UTC; {status.version_count} versions kept"
    for account in status.accounts:
        more = f", {account.warning_count} warnings" if account.warning_count else ""
        more += "" if account.is_configured else ", no longer in fifty.yml"
        yield f"  pulled       {account.platform}/{account.account} to {account.newest_window_end[:16]}Z: {account.load_count} loads{more}"
    for name in status.never_pulled:
        yield f"  never pulled {name}"
    if status.pending_loads is not None:
        yield f"  waiting      {status.pending_loads} of {status.finished_loads} finished loads are not landed yet"
    if status.undecided_loads:
        yield f"  undecided    {status.undecided_loads} landed loads wait for a gate"
    if status.not_stored is not None:
        missing = ", ".join(f"{count} {name}" for name, count in status.not_stored.items() if count)
        yield f"  not stored   {missing}: here, not yet in the object store; the next run uploads them" if missing else "  stored       all of it"
    for load in status.rejected_loads or []:
        yield f"  rejected     {load['stream']} {load['load_id']}: {load['why'] or 'see ops.gate_results'}"
    for stream, count in (status.quarantined_rows or {}).items():
        yield f"  quarantined  {stream}: {count}"
    for check in status.failed_checks or []:
        yield f"  {check['severity']:12} {check['suite']} {check['check']} {check['outcome']}: {check['detail']}"
    if status.last_resend:
        sent = status.last_resend
        yield f"  sent again   {sent.facts.get('extract')} of {sent.facts.get('day')} at {sent.at} by {sent.by}" + (
            f": {sent.why}" if sent.why else ""
        )
    if status.behind:
        yield f"  behind       {', '.join(status.behind)}"
    if status.coverage:
        yield "  coverage     " + ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in status.coverage.items())
    for note in status.notes:
        yield f"  note         {note}"
