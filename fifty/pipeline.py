"""The whole story on one screen: pull → land → gate → transform → gate → publish → extract, for one brand.

Brand, Settings, as_of → BrandRun (one method a stage) → StageReport each

The command line runs a BrandRun from top to bottom; the scheduler runs its methods as tasks. Stages import late: dbt takes 4 s, Great
Expectations 10 s, and who only pulls needs neither. Run alone: `fifty run --brand acme`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property

from fifty import reports
from fifty.config import Brand
from fifty.console import show_progress
from fifty.disk import refuse_replay, refuse_run, refuse_short_disk
from fifty.errors import FiftyError, LandingError, SettingsError, StorageError, StorageRefusedError
from fifty.history import PLATFORM as PUBLISHED_PLATFORM
from fifty.landing import format_compact, landing_root, parse_instant, read_manifest
from fifty.landing_store import LandingStore, SyncResult
from fifty.reports import StageReport
from fifty.settings import Settings
from fifty.state import refuse_stopped
from fifty.warehouse import BrandPaths, hold_folder


@dataclass
class BrandRun:
    """One run of one brand for the day `as_of` (UTC). Each stage raises a FiftyError when it cannot go on; what is published stays.

    Of a brand that is paused or has left no stage is begun: PausedError, DepartedError. Of one that is held the last one is not: HeldError.
    """

    slug: str
    brand: Brand
    settings: Settings
    as_of: date
    known_at: datetime | None = None
    run_id: str = ""
    done: list[StageReport] = field(default_factory=list)
    storage_faults: list[FiftyError] = field(default_factory=list)
    """Why something is not in the object store, though it is here; the stages went on."""

    def run(self, *, until: datetime | None = None, since: datetime | None = None, platforms: Sequence[str] | None = None) -> list[StageReport]:
        """All stages in order. A platform that is down is a warning: the others go on, and the marts say what is missing.

        An object store that is down does not stop them either; it is raised at the end. Raises DiskError before the first where there is no room
        for what the run makes.
        """
        refuse_stopped(self.paths)
        refuse_run(self.paths, self.settings)
        self.pull(until=until, since=since, platforms=platforms)
        self.land()
        self.gate_landed()
        self.transform()
        self.gate_marts()
        # Each raises when its upload fails, and has done its work here by then.
        for stage in (self.publish, self.extract):
            with suppress(StorageError, StorageRefusedError):
                stage()
        if worst := reports.find_worst(self.storage_faults):
            raise worst
        return self.done

    def pull(
        self,
        *,
        until: datetime | None = None,
        since: datetime | None = None,
        is_backfill: bool | None = None,
        platforms: Sequence[str] | None = None,
        accounts: Sequence[str] | None = None,
    ) -> StageReport:
        """Platforms → landed files. `since` makes it a backfill. Raises the worst error when no platform sent anything."""
        from fifty.pull import run_pull

        with self._stage("pull", "items") as report, hold_folder(self.paths):
            refuse_short_disk({self.paths.root: 0}, self.settings, what="a pull", where=f"{self.slug}/pull")
            result = run_pull(
                self.slug,
                self.brand,
                self.settings,
                until=until or end_of_day(self.as_of),
                since=since,
                is_backfill=since is not None if is_backfill is None else is_backfill,
                platforms=platforms,
                accounts=accounts,
            )
            self.storage_faults += result.storage_errors
            reports.describe_pull(report, result)
        return report

    def land(self) -> StageReport:
        """Landed files that are not in ops.loads yet → staging."""
        from fifty.land import run_land

        known = len(self.storage_faults)
        with self._stage("land") as report:
            stored = self._synchronise()
            reports.describe_land(report, run_land(self.paths, self.settings, run_id=self._name_run()))
            reports.describe_stored(report, stored, self.storage_faults[known:])
        return report

    def gate_landed(self) -> StageReport:
        """Pending loads → accepted, warned or rejected."""
        from fifty.gate import gate_landed

        with self._stage("gate_landed", "checks") as report:
            reports.describe_gate(report, gate_landed(self.paths, self.settings, run_id=self._name_run()))
        return report

    def transform(self) -> StageReport:
        """Accepted staging rows → marts."""
        from fifty.transform import run_transform

        with self._stage("transform", "nodes") as report:
            reports.describe_transform(
                report, run_transform(self.paths, self.settings, as_of=self.as_of, known_at=self.known_at, run_id=self._name_run())
            )
        return report

    def gate_marts(self) -> StageReport:
        """Finished marts → may be published, or GateFailed."""
        from fifty.gate import gate_marts

        with self._stage("gate_marts", "checks") as report:
            reports.describe_gate(report, gate_marts(self.paths, self.settings, run_id=self._name_run(), as_of=self.as_of))
        return report

    def publish(self) -> StageReport:
        """Finished marts → a new read-only version, here and then in the object store. Raises what the store says after local readers see it."""
        from fifty.history import PLATFORM
        from fifty.publish import list_versions, run_publish
        from fifty.publish_store import fetch_current, push_version

        with self._stage("publish", "tables") as report, hold_folder(self.paths), self._raising_faults():
            with self._keeping_fault(is_needed=not list_versions(self.paths)):
                fetch_current(self.paths, self.settings)
            result = run_publish(self.paths, self.settings, run_id=self._name_run(), as_of=self.as_of, known_at=self.known_at)
            reports.describe_publish(report, result)
            with self._keeping_fault():
                push_version(self.paths, self.settings, result.publish_id)
            if store := LandingStore.open(self.paths, self.settings):
                with self._keeping_fault():
                    store.synchronise(accounts=[(PLATFORM, result.publish_id)])
        return report

    def extract(self, *, names: Sequence[str] | None = None) -> StageReport:
        """The published version → files for people, here and then in the object store."""
        from fifty.extract import run_extracts
        from fifty.extract_store import push_extracts

        with self._stage("extract", "files") as report, hold_folder(self.paths), self._raising_faults():
            reports.describe_extract(report, run_extracts(self.slug, self.brand, self.paths, self.settings, names=names))
            with self._keeping_fault():
                push_extracts(self.paths, self.settings)
        return report

    def replay(self) -> list[StageReport]:
        """Rebuild from landing alone, without asking a platform, and publish. What only the object store has is fetched first."""
        from fifty.land import run_replay

        refuse_stopped(self.paths)
        # The rebuilt work file lies beside the old one until it is whole.
        refuse_replay(self.paths, self.settings)
        with self._stage("replay") as report:
            stored = self._synchronise(is_needed=True)
            reports.describe_land(report, run_replay(self.paths, self.settings, run_id=self._name_run()))
            reports.describe_stored(report, stored, ())
        self.gate_landed()
        self.transform()
        self.gate_marts()
        self.publish()
        return self.done

    @cached_property
    def paths(self) -> BrandPaths:
        """Where the brand's files are."""
        return BrandPaths(self.settings.data, self.slug)

    def _name_run(self) -> str:
        self.run_id = self.run_id or name_run(self.settings, self.slug, self.as_of)
        return self.run_id

    def _synchronise(self, *, is_needed: bool = False) -> SyncResult:
        """Bring landing and its copy in the object store together. Without an answer a machine that has landed before goes on from what it has."""
        with self._keeping_fault(is_needed=is_needed or not (self.paths.landing / "keys.json").exists()):
            return synchronise_landing(self.paths, self.settings)
        return SyncResult()

    @contextmanager
    def _keeping_fault(self, *, is_needed: bool = False) -> Iterator[None]:
        try:
            yield
        except (StorageError, StorageRefusedError) as error:
            if is_needed:
                raise
            self.storage_faults.append(error)

    @contextmanager
    def _raising_faults(self) -> Iterator[None]:
        """Raise what the object store said inside, after the stage has done its work here."""
        known = len(self.storage_faults)
        yield
        if worst := reports.find_worst(self.storage_faults[known:]):
            raise worst

    @contextmanager
    def _stage(self, stage: str, unit: str = "rows") -> Iterator[StageReport]:
        # Each stage logs its own begin and end; here it is timed and shown.
        refuse_stopped(self.paths)
        report = StageReport(stage, self.slug, unit=unit)
        started = time.monotonic()
        try:
            with show_progress(f"{self.slug}: {stage}"):
                yield report
        except (StorageError, StorageRefusedError):
            if report.message:
                # Done here; only the upload failed.
                self.done.append(report)
            raise
        else:
            self.done.append(report)
        finally:
            report.seconds = time.monotonic() - started


def synchronise_landing(paths: BrandPaths, settings: Settings) -> SyncResult:
    """Fetch what only the object store has of landing, upload what only this machine has; nothing where landing is local only."""
    store = LandingStore.open(paths, settings)
    return store.synchronise() if store else SyncResult()


def end_of_day(day: date) -> datetime:
    """24:00 UTC of `day`: what a run for that day pulls until."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)


def find_newest_window_end(settings: Settings, slug: str) -> datetime | None:
    """End of the newest window pulled, backfills aside; None before the first. Raises LandingError where no manifest that tells it can be read."""
    # A folder's name tells its window: of years of hourly loads only the newest manifests are opened.
    folders = landing_root(settings.data, slug).glob("*/*/*/*-*-*")
    unreadable: LandingError | None = None
    for folder in sorted(folders, key=lambda one: one.name.split("-")[-2], reverse=True):
        try:
            load = read_manifest(folder) if folder.parents[2].name != PUBLISHED_PLATFORM else None
        except LandingError as error:
            # Land reports it; other streams have the same window.
            unreadable = unreadable or error
            continue
        if load and not load.manifest.is_backfill and load.manifest.window["end"]:
            return parse_instant(load.manifest.window["end"])
    if unreadable:
        raise unreadable
    return None


def find_as_of(settings: Settings, slug: str) -> date:
    """Last complete UTC day before the newest window end. Raises SettingsError before the first finished load."""
    newest = find_newest_window_end(settings, slug)
    if newest is None:
        raise SettingsError("nothing was pulled yet", where=slug, seen="no finished load", remedy=f"run `fifty pull --brand {slug}` first")
    return (newest - timedelta(days=1)).date()


def name_run(settings: Settings, slug: str, as_of: date) -> str:
    """`<as_of>-<newest window end>`: the same landing and day give the same name, so that ledger rows of a re-run replace themselves."""
    newest = find_newest_window_end(settings, slug)
    return f"{as_of:%Y%m%d}-{format_compact(newest) if newest else 'empty'}"
