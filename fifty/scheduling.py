"""What a scheduler asks before it starts a stage: which accounts, which window, which day, is it fresh.

configuration, landing, Airflow's interval as plain values → batches, PullWindow, BrandRun

Knows no scheduler: instants and mappings come in, so that every rule runs and is tested without one.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from fifty.config import Config
from fifty.connectors.base import Connector
from fifty.disk import refuse_run
from fifty.errors import (
    DepartedError,
    FatalError,
    FiftyError,
    LandingError,
    PausedError,
    SettingsError,
    SkippableError,
    StorageError,
    StorageRefusedError,
)
from fifty.landing import list_finished_loads
from fifty.pipeline import BrandRun, end_of_day, find_as_of, name_run, synchronise_landing
from fifty.reports import find_worst
from fifty.settings import Settings
from fifty.state import refuse_held, refuse_stopped
from fifty.warehouse import BrandPaths, connect, lock_brand


@dataclass(frozen=True)
class PullWindow:
    """What a scheduled or manual pull asks for; `since` only for a backfill."""

    until: datetime
    since: datetime | None = None
    is_backfill: bool = False


def find_window(
    params: Mapping[str, Any], *, interval: tuple[datetime | None, datetime | None], is_backfill: bool, run_after: datetime
) -> PullWindow:
    """The window of a scheduled run: the data interval's end, so that a retry hours later asks for the same; params win.

    A regular run goes on from the last load's watermark, which heals gaps; a backfill asks for exactly its interval.
    """
    start, end = interval
    since = parse_param(params.get("since"), "since")
    until = parse_param(params.get("until"), "until")
    if params.get("as_of") and until is None:
        until = end_of_day(date.fromisoformat(str(params["as_of"])))
    if since is not None:
        return PullWindow(until or end or run_after.replace(second=0, microsecond=0), since, True)
    if is_backfill and until is None and start is not None and end is not None:
        return PullWindow(end, start, True)
    return PullWindow(until or end or run_after.replace(second=0, microsecond=0))


def parse_param(text: object, name: str) -> datetime | None:
    """An instant as a person types it; a bare date is its beginning, without zone UTC is meant. Raises SettingsError."""
    if not text:
        return None
    try:
        instant = datetime.fromisoformat(str(text))
    except ValueError:
        raise SettingsError(f"{name} is no instant", seen=str(text), expected="2026-03-31 or 2026-03-31T18:00:00Z", remedy="write it so") from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def plan_batches(config: Config, connector: Connector, *, brand: str | None, largest_count: int) -> list[dict[str, Any]]:
    """Accounts to pull on a platform, in at most `largest_count` batches: `{label, accounts: [[brand, account or None], …]}`.

    One account a batch while they are few, so that the grid names each; a platform read from files has no accounts, but brands.
    """
    targets: list[list[str | None]] = []
    for slug, one in config.pick(brand).items():
        if connector.is_remote:
            targets += [[slug, account.account_key] for account in one.accounts if account.platform == connector.platform and not account.is_paused]
        else:
            targets.append([slug, None])
    size = -(-len(targets) // largest_count) or 1
    chunks = [targets[index : index + size] for index in range(0, len(targets), size)]
    return [{"label": _label_batch(chunk), "accounts": chunk} for chunk in chunks]


def _label_batch(targets: list[list[str | None]]) -> str:
    first = "/".join(filter(None, targets[0]))
    return first if len(targets) == 1 else f"{first} and {len(targets) - 1} more"


def label_outcome(batch: Mapping[str, Any], worst: FiftyError | None) -> str:
    """What the grid calls a batch that has ended: `brand/account`, and of one that failed the stream at fault, `brand/account/stream`."""
    # An error of a stream says where: brand/platform/account/stream. Others name a file or a setting.
    place = worst.where.split("/") if worst else []
    is_stream = len(place) >= 4 and place[0] in {brand for brand, _ in batch["accounts"]}
    return "/".join((place[0], *place[2:4])) if is_stream else str(batch["label"])


def pull_batch(
    settings: Settings, config: Config, connector: Connector, batch: Mapping[str, Any], window: PullWindow
) -> tuple[list[str], FiftyError | None]:
    """Pull every account of a batch, each for itself. Returns the brands that landed something, and the worst error met.

    Accounts of a brand that is paused or has left are passed over; raises that SkippableError where nothing else is in the batch.
    """
    landed: set[str] = set()
    errors: list[FiftyError] = []
    stops: list[SkippableError] = []
    for slug, account in batch["accounts"]:
        run = BrandRun(slug, config.brands[slug], settings, (window.until - timedelta(microseconds=1)).date())
        try:
            report = run.pull(
                until=window.until,
                since=window.since,
                is_backfill=window.is_backfill,
                platforms=[connector.platform],
                accounts=[account] if account else None,
            )
        except (PausedError, DepartedError) as error:
            stops.append(error)
            continue
        except FiftyError as error:
            errors.append(error)
            continue
        errors += report.facts["errors"]
        if report.facts["came"]:
            landed.add(slug)
    if stops and len(stops) == len(batch["accounts"]):
        raise stops[0]
    return sorted(landed), find_worst(errors)


def begin_run(slug: str, settings: Settings, config: Config, *, as_of: str | None, is_by_news: bool = False) -> BrandRun:
    """A run with its day and name fixed, for stages that run as separate tasks.

    Raises SkippableError as long as the brand's configuration has not landed: without it nobody is known to be the brand, and the gate would
    stop the marts. Its own pull then starts the next run. Also where news started the run (`is_by_news`) and the run before, which was still waiting
    for its turn when they came, has published them already. PausedError or DepartedError where an operator has said so, DiskError where
    there is no room. LandingError where the configuration has landed and no manifest of it can be read.
    """
    refuse_stopped(BrandPaths(settings.data, slug))
    refuse_run(BrandPaths(settings.data, slug), settings)
    # Where several machines pull, what they landed is in the object store. Without an answer this one goes on from what it has.
    with suppress(StorageError, StorageRefusedError):
        synchronise_landing(BrandPaths(settings.data, slug), settings)
    day = date.fromisoformat(as_of) if as_of else find_as_of(settings, slug)
    damaged: dict[Path, LandingError] = {}
    if not list_finished_loads(settings.data, slug, platform="config", damaged=damaged):
        for error in damaged.values():
            raise error
        raise SkippableError(
            "the brand's configuration has not landed yet",
            where=slug,
            seen="loads of other platforms only",
            expected="a finished load of pull_config",
            remedy="nothing, if pull_config is running: the next run follows by itself; else start it",
        )
    run = BrandRun(slug, config.brands[slug], settings, day, run_id=name_run(settings, slug, day))
    if is_by_news and is_published_already(run):
        raise SkippableError(
            "nothing has landed since the run before",
            where=slug,
            seen=f"what is published is that of {run.run_id}, from all that is landed",
            remedy="nothing; `fifty run` or a run by hand builds in any case",
        )
    return run


def is_published_already(run: BrandRun) -> bool:
    """Whether readers see what this run would build: it was published under the same name, nothing waits, and a build would read the same.

    Not where it is published here only: what was refused by the object store is uploaded by the next run, and this is it.
    """
    from fifty.building import find_news
    from fifty.history import PLATFORM as HISTORY_PLATFORM
    from fifty.publish import open_version, read_current_version
    from fifty.publish_store import is_version_stored
    from fifty.transform import write_cut

    if read_current_version(run.paths) is None or not run.paths.warehouse.exists():
        return False
    with open_version(run.paths) as (version, _):
        if version.run_id != run.run_id or is_version_stored(run.paths, run.settings, version.publish_id) is False:
            return False
    with lock_brand(run.paths, run.settings), connect(run.paths, run.settings) as connection:
        landed = {sha256 for (sha256,) in connection.execute("select manifest_sha256 from ops.loads").fetchall()}
        damaged: dict[Path, LandingError] = {}
        waiting = list_finished_loads(run.paths.data, run.slug, known=landed, damaged=damaged)
        # What publish wrote of itself after the build is no news; a manifest that cannot be read is for land to report.
        if damaged or any(load.manifest.platform != HISTORY_PLATFORM for load in waiting):
            return False
        return find_news(connection, run.settings.dbt_project, as_of=run.as_of, known_at=write_cut(run.known_at)) is None


def check_freshness(slug: str, settings: Settings, *, at: datetime, is_by_clock: bool) -> str:
    """As-of day of what is published. Raises FatalError when nothing is, or when a run by the clock finds it too old.

    By the clock, before the first publish, SkippableError: nobody expects an extract yet, and the publish starts one by itself. HeldError, PausedError
    or DepartedError where an operator has said so.
    """
    from fifty.publish import open_version, read_current_version

    paths = BrandPaths(settings.data, slug)
    refuse_stopped(paths)
    refuse_held(paths)
    if is_by_clock and read_current_version(paths) is None:
        raise SkippableError("nothing is published yet", where=f"{slug}/extract", remedy="nothing: the first publish starts the extracts by itself")
    with open_version(paths) as (version, _):
        as_of = date.fromisoformat(version.as_of_date)
    age = (at - end_of_day(as_of)).total_seconds() / 3600
    if is_by_clock and age > settings.stale_after_hours:
        raise FatalError(
            "what is published is too old to be sent",
            where=f"{slug}/extract",
            seen=f"as of {as_of}, which ended {age:.0f} hours ago",
            expected=f"at most {settings.stale_after_hours:.0f} hours (FIFTY_STALE_AFTER_HOURS)",
            remedy=f"`fifty status --brand {slug}` says which stage stopped; the extracts follow by themselves after the next publish",
        )
    return as_of.isoformat()
