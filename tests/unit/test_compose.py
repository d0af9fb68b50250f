"""docker-compose.yml as a text: what can be said of it without starting anything. What runs is shown by `make proof`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from fifty.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
# Where a container's files lie is decided by the image and the volumes, not by whoever starts it.
FIXED_BY_IMAGE = {"FIFTY_DATA", "FIFTY_CONFIG", "FIFTY_SECRETS", "FIFTY_DBT_PROJECT", "FIFTY_EXPECTATIONS"}


def test_every_setting_of_fifty_can_be_set_for_the_containers() -> None:
    passed = {name for name in COMPOSE["x-airflow"]["environment"] if name.startswith("FIFTY_")}
    assert passed == {f"FIFTY_{name.upper()}" for name in Settings.model_fields} - FIXED_BY_IMAGE


def test_no_secret_has_a_value_in_the_file() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    secret = re.compile(
        r"^\s*[A-Z_]*(PASSWORD|SECRET|SECRET_KEY|FERNET_KEY|SQL_ALCHEMY_CONN|AIRFLOW_DATABASE|RESULT_BACKEND|BROKER_URL|AUTH): (.*)$", re.MULTILINE
    )
    found = secret.findall(text)
    assert len(found) >= 8
    for _, value in found:
        assert re.search(r"\$\{FIFTY_[A-Z_]+(:\?[^}]+|:-)?\}", value), value
    # The one that may be empty belongs to the profile, whose Redis refuses to start without it.
    assert set(re.findall(r"\$\{(FIFTY_[A-Z_]+):-\}", text)) == {"FIFTY_REDIS_PASSWORD"}
    assert "${REDISCLI_AUTH:?" in text


def test_no_secret_is_an_argument_of_a_program() -> None:
    script = SERVICES["init"]["command"][1]
    lines = [line for line in script.splitlines() if "PASSWORD" in line]
    # printf is the shell's own; what it writes goes through a pipe. Any other word would be in the list of processes.
    assert lines
    for line in lines:
        written, _, program = line.partition(" | ")
        assert written.startswith("printf "), line
        assert "PASSWORD" not in program, line
    assert "--password" not in script


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_each_service_is_bounded_restarted_and_watched(name: str) -> None:
    service = SERVICES[name]
    assert service["mem_limit"] and service["cpus"] and service["logging"]["options"]["max-size"]
    if name == "init":
        assert service["restart"] == "no"
    else:
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"] and service["healthcheck"]["retries"]


@pytest.mark.parametrize("name", sorted(name for name, service in SERVICES.items() if service["image"].startswith("fifty:")))
def test_our_containers_run_as_nobody_special(name: str) -> None:
    assert SERVICES[name]["user"] == "${FIFTY_UID:-50000}:0"


def test_images_are_pinned_and_ours_names_its_python() -> None:
    tags = {service["image"].partition(":")[2] for service in SERVICES.values()}
    assert all(tags) and "latest" not in tags
    first = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert re.search(r"^FROM apache/airflow:\d+\.\d+\.\d+-python3\.1[12]$", first, re.MULTILINE)


def test_readers_get_a_volume_that_holds_nothing_private() -> None:
    mounts = dict(volume.split(":")[:2][::-1] for volume in COMPOSE["x-airflow"]["volumes"])
    assert mounts["/opt/fifty/published"] == "published"
    assert COMPOSE["x-airflow"]["environment"]["FIFTY_PUBLISHED"] == "/opt/fifty/published"


def test_the_image_has_each_folder_that_a_volume_covers_writable_for_its_user() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    made = re.search(r"^RUN install -d -o airflow -g root -m 0775 (.*)$", text, re.MULTILINE)
    assert made and {"/opt/fifty/data", "/opt/fifty/published"} <= set(made[1].split())


def test_the_celery_that_is_pinned_is_one_that_airflows_executor_can_use(tmp_path: Path) -> None:
    program = "import airflow.providers.celery.executors.celery_executor_utils, airflow.providers.celery.cli.celery_command"
    environment = {**os.environ, "AIRFLOW_HOME": str(tmp_path), "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
