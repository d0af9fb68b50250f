"""Once a day: look whether every landed file is still what it was, remove what is no longer needed.

the clock → prune_brand, tend_stores, verify_landing (each mapped over brands), remove_departed, prune_logs

Airflow looks for DAGs in this file.
"""

from __future__ import annotations

from airflow.sdk import DAG, CronTriggerTimetable, task

from scheduler.defaults import DATA_QUEUE, START_DATE, default_args, open_settings

settings, config = open_settings()

with DAG(
    dag_id="maintenance",
    schedule=CronTriggerTimetable(settings.maintenance_schedule, timezone="UTC"),
    start_date=START_DATE,
    catchup=False,
    max_active_runs=1,
    default_args=default_args(settings, queue=DATA_QUEUE),
    tags=["stage:maintenance"],
    doc_md="Compares landed files with their sha256, keeps the newest published versions, removes loads that never finished, old extracts and logs,"
    " and what object stores no longer need. By hand: `fifty prune`.",
):

    @task
    def list_brands() -> list[str]:
        """Brands as configured now."""
        return sorted(open_settings()[1].brands)

    # Tasks of their own: a disk error must show though an object store is down, and nothing is to be kept too long because a load is damaged.
    @task(map_index_template="{{ task.op_kwargs['slug'] }}")
    def verify(slug: str) -> int:
        """Compare one brand's landed files with their sha256."""
        from fifty.maintain import verify_landing
        from fifty.warehouse import BrandPaths

        return verify_landing(BrandPaths(open_settings()[0].data, slug))

    @task(map_index_template="{{ task.op_kwargs['slug'] }}")
    def tend(slug: str) -> dict[str, int]:
        """Prune one brand, here and in the object stores."""
        from collections import Counter

        from fifty.maintain import prune_brand, tend_stores
        from fifty.warehouse import BrandPaths

        current = open_settings()[0]
        paths = BrandPaths(current.data, slug)
        removed = Counter(one.kind for one in prune_brand(paths, current))
        return {**removed, "stored things removed": tend_stores(paths, current)}

    @task(task_id="prune_logs")
    def remove_logs() -> int:
        """Remove task logs older than the setting."""
        from pathlib import Path

        from airflow.configuration import conf

        from fifty.maintain import prune_logs

        return prune_logs(Path(conf.get("logging", "base_log_folder")), open_settings()[0])

    @task
    def remove_departed() -> int:
        """Remove from the object stores what they hold of brands that have left."""
        from fifty.maintain import remove_departed as remove

        return remove(open_settings()[0])

    brands = list_brands()
    verify.expand(slug=brands)
    tend.expand(slug=brands)
    remove_departed()
    remove_logs()
