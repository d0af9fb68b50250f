"""One DAG per brand: write the extracts people receive, after each publish and every morning.

asset fifty://<brand>/marts, or the clock → check_freshness → extract → data/<brand>/extracts

Airflow looks for DAGs in this file.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable, task

from scheduler.defaults import DATA_QUEUE, START_DATE, default_args, is_run, is_wanted, marts_asset, open_run, open_settings, skip_when_early

settings, config = open_settings()


def build_extracts(slug: str, name: str, timezone: str, orders: list[str]) -> DAG:
    """The DAG that writes the extracts of one brand."""
    with DAG(
        dag_id=f"extracts_{slug}",
        schedule=AssetOrTimeSchedule(timetable=CronTriggerTimetable(settings.extract_schedule, timezone=timezone), assets=[marts_asset(slug)]),
        start_date=START_DATE,
        catchup=False,
        max_active_runs=1,
        default_args=default_args(settings, queue=DATA_QUEUE),
        tags=["stage:extract", f"brand:{slug}"],
        description=f"Extracts of {name}: {', '.join(orders)}",
        doc_md=f"""**{name}**: writes {", ".join(f"`{one}`" for one in orders)} from what is published, after each publish and every morning.

- A run by the clock stops, and says so, where the published marts are older than {settings.stale_after_hours:.0f} hours; before the first publish it is skipped.
- While extracts are held (`fifty hold`) or the brand is paused (`fifty pause`) the run is skipped, and says by whom and why.
- `quarterly_verdict` is written on the first run of a quarter; `fifty extract --name quarterly_verdict` writes it on any other day.
- The files are in `{settings.data}/{slug}/extracts/<name>/<day>/`. A second run of the same version changes no byte.
""",
    ) as dag:

        @task
        def check_freshness(**context: Any) -> str:
            """Stop where what is published is older than it should be: an old page must not look like a new one."""
            from fifty.scheduling import check_freshness as check

            with skip_when_early():
                return check(slug, open_settings()[0], at=context["dag_run"].run_after, is_by_clock=is_run(context, "scheduled"))

        @task
        def extract(as_of: str) -> str:
            """Write every extract the brand has ordered."""
            with skip_when_early():
                return str(open_run(slug, as_of=as_of).extract().describe())

        extract(check_freshness())  # type: ignore[arg-type]
    return dag


for slug, brand in config.brands.items():
    if is_wanted(f"extracts_{slug}"):
        globals()[f"extracts_{slug}"] = build_extracts(slug, brand.name, brand.timezone, [order.name for order in brand.extracts])
