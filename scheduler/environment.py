"""The surroundings of Airflow in this clone: everything it writes goes to .run/airflow, nothing to the home folder.

clone → environment variables, migrated database, pools → run_once.py, up.py

Kept outside dags/: `dag.test()` imports that folder again, and a runner found there would run itself.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
RUN = ROOT / ".run"
HOME = RUN / "airflow"
AIRFLOW = Path(sys.executable).with_name("airflow")


def make_environment(usual: Mapping[str, str] | None = None, **more: str) -> dict[str, str]:
    """Environment for Airflow and what runs in it.

    What is set already wins over what is usual, here and in `usual`, so that an operator can override each. `more` wins over both: what the caller has
    decided must not lose to what a shell happens to export.
    """
    chosen = {
        "AIRFLOW_HOME": str(HOME),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__PARALLELISM": "4",
        # The first task after a start waits for the api-server to build its application; 5 s, the default, is short on two busy cores.
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",
        "GX_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        **(usual or {}),
    }
    # `airflow standalone` starts its parts by name, so ours must be the first on the path.
    path = os.pathsep.join((str(AIRFLOW.parent), os.environ.get("PATH", "")))
    return {**chosen, **os.environ, **more, "PATH": path}


def name_demo_places(data: Path, setup: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Settings that keep the demo apart from an installation whose own are exported or in `.env`: its data, nothing stored elsewhere.

    With `setup`, what `fifty demo` said, its configuration and credentials, too.
    """
    places = {"FIFTY_DATA": str(data), "FIFTY_PUBLISHED": "", "FIFTY_LANDING_URL": "", "FIFTY_PUBLISHED_URL": "", "FIFTY_EXTRACTS_URL": ""}
    return places | ({"FIFTY_CONFIG": setup["config"], "FIFTY_SECRETS": setup["secrets"]} if setup else {})


def prepare_airflow(environment: dict[str, str], *, slots: int) -> None:
    """Migrate the metadata database once per Airflow version, and have the writer pool with so many slots. Raises SystemExit with Airflow's own words."""
    if _name_mark(environment, slots).exists():
        return
    command = [sys.executable, "-m", "scheduler.environment", str(slots)]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"Airflow's database cannot be prepared:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def migrate_database(slots: int) -> None:
    """The same in this process, whose environment is Airflow's: who imports Airflow anyway need not start it twice more for two commands."""
    mark = _name_mark(os.environ, slots)
    if mark.exists():
        return
    mark.parent.mkdir(parents=True, exist_ok=True)
    # What `airflow db migrate` and `airflow pools set` call.
    from airflow.models.pool import Pool
    from airflow.utils.db import upgradedb

    upgradedb()
    Pool.create_or_update_pool("warehouse_writer", slots, "Brands whose marts are built at the same time.", include_deferred=False)
    mark.touch()


def _name_mark(environment: Mapping[str, str], slots: int) -> Path:
    """File that says that this database is prepared: another one under the same home is not."""
    name = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
    # Without the password, which even hashed has no business in a file's name, and which may change.
    address = urlsplit(environment.get(name, ""))
    place = (address.scheme, address.netloc.rpartition("@")[2], address.path, address.username or "")
    # Where it is read from elsewhere, that it is read from there is all that is known here.
    stated = json.dumps([*place, environment.get(f"{name}_CMD", ""), environment.get(f"{name}_SECRET", "")])
    digest = hashlib.sha256(stated.encode()).hexdigest()[:12]
    return Path(environment["AIRFLOW_HOME"]) / f"prepared-{version('apache-airflow')}-{slots}-{digest}"


if __name__ == "__main__":
    migrate_database(int(sys.argv[1]))
