"""One DAG per registered platform that a brand uses: read its accounts, hour by hour, into landed files.

schedule → plan (batches of accounts) → pull (mapped) → announce → asset fifty://<brand>/landing

Each load fails alone; what landed is announced even where another load failed, and the run is marked failed at its end.
Airflow looks for DAGs in this file.
"""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, AssetAlias, CronDataIntervalTimetable, Param, TriggerRule, get_current_context, task

from fifty.connectors.base import Connector, discover_connectors
from scheduler.defaults import (
    START_DATE,
    as_of_param,
    default_args,
    is_run,
    is_wanted,
    landing_asset,
    list_brands,
    name_alias,
    open_settings,
    skip_when_early,
)

LARGEST_MAP = 200  # Airflow's own bound is 1024; a grid of more than a few hundred is unreadable.

PARAMS = {
    "as_of": as_of_param("Pull to the end of this day (UTC). Empty: to the end of the data interval."),
    "since": Param(None, type=["null", "string"], description="Begin of a past window, for a backfill. Empty: go on from the last load."),
    "until": Param(
        None, type=["null", "string"], description="End of the window, an instant with zone. Empty: the end of `as_of`, else of the data interval."
    ),
    "brand": Param(None, type=["null", "string"], description="One brand. Empty: all that use the platform."),
}

settings, config = open_settings()


def build_pull(connector: Connector, brands: list[str]) -> DAG:
    """The DAG that pulls one platform for the brands that use it."""
    # An alias, because only brands that landed something are announced. Each DAG has its own: Airflow ties alias and asset together at the first event,
    # and of two tasks that do so for one alias at once it marks the later failed, without another try and with nothing in its log.
    aliases = {slug: AssetAlias(name_alias(landing_asset(slug), connector.platform), group="fifty") for slug in brands}
    with DAG(
        dag_id=f"pull_{connector.platform}",
        schedule=CronDataIntervalTimetable(settings.pull_schedule, timezone="UTC"),
        start_date=START_DATE,
        catchup=False,
        max_active_runs=1,
        max_active_tasks=settings.pull_workers,
        default_args=default_args(settings),
        params=PARAMS,
        tags=["stage:pull", f"platform:{connector.platform}"],
        description=f"{connector.title} to landed files, for {list_brands(brands)}",
        doc_md=f"""**{connector.title}**: pulls the accounts of {list_brands(brands)} into landed files; the warehouse of a brand follows when something came.

- Streams, in order: {", ".join(f"`{stream.name}`" for stream in connector.streams)}.
- `pull` is one task an account (`brand/account`). A load that fails does not stop the others: what came is announced and built, and the run is marked failed.
- The next run goes on from the last finished load, so a missed hour heals by itself.
- Accounts of a brand that is paused (`fifty pause`) are skipped.
- By hand: `since` and `until` backfill events; what the platform can only say about now is recorded as not reachable.
- Scopes, limits and quirks: `fifty/connectors/{connector.platform}/README.md`.
""",
    ) as dag:

        @task
        def plan(params: dict[str, Any] | None = None) -> list[dict[str, Any]]:
            """Batches of accounts, read from the configuration as it is now."""
            from fifty.scheduling import plan_batches

            _, current = open_settings()
            return plan_batches(current, connector, brand=(params or {}).get("brand"), largest_count=LARGEST_MAP)

        # While it runs the grid shows the account; where it failed, the stream, too.
        @task(map_index_template="{{ batch_label | default(task.op_kwargs['batch']['label']) }}")
        def pull(batch: dict[str, Any], **context: Any) -> None:
            """Pull every account of the batch; raise the worst error at the end."""
            from fifty.scheduling import find_window, label_outcome, pull_batch

            window = find_window(
                context["params"], interval=(context.get("data_interval_start"), context.get("data_interval_end")),
                is_backfill=is_run(context, "backfill"), run_after=context["dag_run"].run_after,
            )  # fmt: skip
            with skip_when_early():
                landed, worst = pull_batch(*open_settings(), connector, batch, window)
            context["ti"].xcom_push(key="landed", value=landed)
            get_current_context()["batch_label"] = label_outcome(batch, worst)  # type: ignore[typeddict-unknown-key]
            if worst:
                raise worst

        @task(outlets=list(aliases.values()), trigger_rule=TriggerRule.ALL_DONE)
        def announce(**context: Any) -> list[str]:
            """Say which brands have something new; the warehouse of each starts."""
            # Of a map of one, Airflow gives the list itself instead of a list of lists.
            found = context["ti"].xcom_pull(task_ids="pull", key="landed") or []
            landed = sorted({slug for batch in found for slug in ([batch] if isinstance(batch, str) else batch or [])})
            for slug in landed:
                context["outlet_events"][aliases[slug]].add(landing_asset(slug))
            return landed

        pulled = pull.expand(batch=plan())
        pulled >> announce()
        # Without a leaf that needs success, a failed pull would leave a green run behind.
        pulled >> EmptyOperator(task_id="all_pulled")
    return dag


for connector in discover_connectors().values():
    # What is read from files (business files, the configuration itself) every brand has.
    using = [slug for slug, brand in config.brands.items() if not connector.is_remote or connector.platform in brand.platforms]
    if using and connector.is_pulled and is_wanted(f"pull_{connector.platform}"):
        globals()[f"pull_{connector.platform}"] = build_pull(connector, using)
