"""One DAG per brand: from landed files to a new published version.

asset fifty://<brand>/landing → begin → land → gate_landed → transform → gate_marts → publish → asset fifty://<brand>/marts

One run of a brand at a time (one writer per brand); brands run side by side, as many as the pool `warehouse_writer` has slots.
Airflow looks for DAGs in this file.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, chain, task

from scheduler.defaults import (
    DATA_QUEUE,
    START_DATE,
    WRITER_POOL,
    as_of_param,
    default_args,
    is_run,
    is_wanted,
    landing_asset,
    marts_asset,
    open_run,
    open_settings,
    skip_when_early,
)

STAGES = {
    "land": "Brings every finished load that is not landed yet into staging, a transaction each batch. What does not fit is in `ops.quarantine`.",
    "gate_landed": "Checks what was landed: each load is accepted, warned about or rejected, and no model reads a rejected one. See `ops.gate_results`.",
    "transform": "Builds the marts of the day with dbt, in the brand's work file. Readers see nothing of it.",
    "gate_marts": "Checks the finished marts. A critical failure stops the run here; what was published before stays.",
    "publish": "Makes the marts a new read-only version and switches readers to it at once. The same content makes no new version.",
}

settings, config = open_settings()


def build_warehouse(slug: str, name: str) -> DAG:
    """The DAG that builds and publishes the marts of one brand."""
    with DAG(
        dag_id=f"warehouse_{slug}",
        schedule=[landing_asset(slug)],
        start_date=START_DATE,
        catchup=False,
        max_active_runs=1,
        # What is begun for a brand is finished before another begins: by Airflow's own order all brands land before any is published.
        default_args=default_args(settings, pool=WRITER_POOL, queue=DATA_QUEUE, weight_rule="upstream"),
        params={"as_of": as_of_param()},
        tags=["stage:warehouse", f"brand:{slug}"],
        description=f"{name}: landed files to a new published version",
        doc_md=f"""**{name}**: lands every finished load that is not landed yet, checks it, builds the marts, checks them, publishes.

- A gate that fails leaves the last version published. `fifty status --brand {slug}` names the check and its remedy.
- A run that failed or was killed leaves nothing half done: clear it, or wait for the next one, which takes up what is left.
- As long as the brand's configuration has not landed, or the brand is paused (`fifty pause`), runs are skipped.
- By hand: `as_of` for another day. To go back: `fifty publish --brand {slug} --list`, then `--version V`.
""",
    ) as dag:

        @task
        def begin(params: dict[str, Any] | None = None, **context: Any) -> dict[str, str]:
            """Fix the day and the name of the run for all its tasks."""
            from fifty.scheduling import begin_run

            with skip_when_early():
                run = begin_run(slug, *open_settings(), as_of=(params or {}).get("as_of"), is_by_news=is_run(context, "asset_triggered"))
            return {"as_of": run.as_of.isoformat(), "run_id": run.run_id}

        begun = begin()
        steps = []
        for stage in STAGES:

            @task(task_id=stage, outlets=[marts_asset(slug)] if stage == "publish" else [], doc_md=STAGES[stage])
            def work(begun: dict[str, str], stage: str) -> str:
                """Do one stage of the brand's run."""
                with skip_when_early():
                    return str(getattr(open_run(slug, **begun), stage)().describe())

            steps.append(work(begun, stage))  # type: ignore[arg-type]
        chain(*steps)
    return dag


for slug, brand in config.brands.items():
    if is_wanted(f"warehouse_{slug}"):
        globals()[f"warehouse_{slug}"] = build_warehouse(slug, brand.name)
