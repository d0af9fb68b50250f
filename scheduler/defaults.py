"""What every DAG here shares: when to try again, whom to tell, how to open the configuration.

fifty.yml, environment → settings and brands; a failed task → one alert line

Parsed every few seconds by the scheduler: nothing heavy is imported at the top.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, ExceptionRetryPolicy, Param, RetryAction, RetryRule, get_parsing_context
from airflow.sdk.exceptions import AirflowSkipException

from fifty.config import Config, load_config
from fifty.connectors.base import discover_connectors, remote_platforms
from fifty.errors import FiftyError, SkippableError
from fifty.runbook import name_page
from fifty.settings import Settings, load_settings

if TYPE_CHECKING:
    from fifty.pipeline import BrandRun

OWNER = "fifty"
# The first run of a schedule begins after it is switched on (catchup is off), so this only has to lie in the past.
START_DATE = datetime(2026, 1, 1, tzinfo=UTC)
WRITER_POOL = "warehouse_writer"
# With Celery workers on several machines: whatever needs the data directory waits for one that has it. Other executors know no queues.
DATA_QUEUE = "warehouse"

alerts = logging.getLogger("fifty.alerts")


def open_settings() -> tuple[Settings, Config]:
    """Settings and checked configuration. Raises SettingsError, which the grid shows as an import error with all mistakes."""
    settings = load_settings()
    return settings, load_config(settings.config, platforms=remote_platforms(discover_connectors().values()))


def open_run(slug: str, *, as_of: str | date, run_id: str = "") -> BrandRun:
    """The run of a brand as a task sees it, with the configuration as it is now."""
    from fifty.pipeline import BrandRun

    settings, config = open_settings()
    day = date.fromisoformat(as_of) if isinstance(as_of, str) else as_of
    return BrandRun(slug, config.brands[slug], settings, day, run_id=run_id)


def is_wanted(dag_id: str) -> bool:
    """Whether the file is read for this DAG: the scheduler reads it for all, each task for its own alone, which with forty brands is a second."""
    wanted = get_parsing_context().dag_id
    return wanted is None or wanted == dag_id


def landing_asset(slug: str) -> Asset:
    """What pull produces and the warehouse waits for."""
    return Asset(name=f"fifty://{slug}/landing", uri=f"fifty://{slug}/landing", group="fifty")


def marts_asset(slug: str) -> Asset:
    """What publish produces and the extracts wait for."""
    return Asset(name=f"fifty://{slug}/marts", uri=f"fifty://{slug}/marts", group="fifty")


def name_alias(asset: Asset, producer: str) -> str:
    """Name of the alias by which one of several producers announces the asset; what stands before the # is the asset's URI."""
    return f"{asset.uri}#{producer}"


def is_run(context: dict[str, Any], kind: str) -> bool:
    """Whether the run is `scheduled`, `backfill`, `manual` …; tasks and tests see different types for it, of which only the value is the same."""
    run_type = context["dag_run"].run_type
    return str(getattr(run_type, "value", run_type)) == kind


@contextmanager
def skip_when_early() -> Iterator[None]:
    """Too early is no failure, nor is what an operator has held or paused: the task, and what follows it, is shown as skipped."""
    try:
        yield
    except SkippableError as error:
        raise AirflowSkipException(str(error)) from None


def list_brands(slugs: list[str]) -> str:
    """Brands in a sentence; of many only the first."""
    return ", ".join(slugs[:5]) + (f" and {len(slugs) - 5} more" if len(slugs) > 5 else "")


def as_of_param(text: str = "The day the marts describe. Empty: the last complete day that was pulled.") -> Param:
    """A day, for a run by hand."""
    return Param(None, type=["null", "string"], format="date", title="as of", description=text)


def alert_failure(context: dict[str, Any]) -> None:
    """One line for whoever is on duty: brand, stage, account, load, remedy and page of the runbook. `exit_code` rides along for scheduler/run_once.py."""
    task = context["task_instance"]
    error = context.get("exception")
    labels = [tag for tag in context["dag"].tags if tag.startswith(("brand:", "platform:"))]
    place = " ".join([*sorted(labels), f"stage:{task.task_id}", f"run:{context['run_id']}"])
    if task.map_index >= 0:
        place += f" index:{task.map_index}"
    text = str(error) if isinstance(error, FiftyError) else f"{type(error).__name__}: {error} · remedy: read the task's log"
    text += f" · page: {name_page(error or RuntimeError())}"
    alerts.error("ALERT %s · %s", place, text, extra={"exit_code": error.exit_code if isinstance(error, FiftyError) else 1})


def default_args(settings: Settings, **more: Any) -> dict[str, Any]:
    """Arguments of every task: what the world caused is tried again, what a human must mend fails at once. `more`: pool, queue or order of a DAG."""
    delay = timedelta(seconds=settings.retry_delay_seconds)
    return {
        "owner": OWNER,
        "retries": settings.task_retries,
        "retry_delay": delay,
        "retry_policy": ExceptionRetryPolicy(
            rules=[
                RetryRule("fifty.errors.RetryableError", action=RetryAction.RETRY, retry_delay=delay, reason="the world is briefly unwell"),
                RetryRule("fifty.errors.FiftyError", action=RetryAction.FAIL, reason="trying again cannot help"),
            ]
        ),
        "on_failure_callback": alert_failure,
        **more,
    }
