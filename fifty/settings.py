"""The one place that reads the environment: where things are and how much machine a run may use.

environment, .env → Settings (loaded once, passed on) → every stage

Brand facts (accounts, staff, hours, recipients) are in `fifty.yml`: see `fifty/config.py`.
Try it alone: `python -m fifty.settings` prints the settings in force.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from fifty.errors import SettingsError

PROJECT_ROOT = Path(__file__).resolve().parent.parent
_STORE_URL = re.compile(r"(s3|gs|az)://[A-Za-z0-9][A-Za-z0-9._-]*(/[^\s/@?#%]+)*/?")


class Settings(BaseSettings):
    """Settings of an installation. Every field can be set as `FIFTY_<NAME>` or in `.env`."""

    model_config = SettingsConfigDict(env_prefix="FIFTY_", env_file=".env", extra="ignore")

    config: Path = Field(Path("fifty.yml"), description="the configuration file")
    data: Path = Field(Path("data"), description="the data directory: one folder per brand")
    published: Path | None = Field(
        None, description="where the published files lie, one folder per brand, when not in the data directory, which then links there"
    )
    dbt_project: Path = Field(PROJECT_ROOT / "dbt_project", description="the dbt project")
    expectations: Path = Field(PROJECT_ROOT / "expectations", description="the gates' suites")
    secrets: Path | None = Field(None, description="folder with one file per credential, named like the credential")
    threads: int = Field(2, ge=1, description="threads DuckDB and dbt may use")
    memory_limit: str = Field("4GB", description="memory DuckDB may use, for example 4GB")
    pull_workers: int = Field(4, ge=1, description="accounts pulled at the same time in one process")
    pull_rereads_all: bool = Field(False, description="ask about every known post at each pull, however old; for small brands and audits")
    http_timeout_seconds: float = Field(30.0, gt=0, description="longest wait for one answer")
    http_attempts: int = Field(6, ge=1, description="attempts for one request before the load fails")
    http_longest_wait_seconds: float = Field(900.0, gt=0, description="longest wait a platform may ask for between two attempts")
    keep_versions: int = Field(7, ge=1, description="published versions kept for roll-back")
    keep_log_days: int = Field(30, ge=1, description="days that logs are kept")
    keep_extract_days: int = Field(90, ge=1, description="days before the day published that extracts are kept; the newest of each always is")
    disk_reserve_gigabytes: float = Field(1.0, ge=0, description="room that must be left beside what is about to be made; else it is not begun")
    airflow_database: SecretStr | None = Field(None, description="address of Airflow's metadata database, for backup and restore")
    bi_root: str | None = Field(
        None, description="path of a brand's published folder as readers see it, with {brand} for the brand; default: where it is"
    )
    lock_timeout_seconds: float = Field(600.0, ge=0, description="longest wait for another writer of the same brand")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")
    pull_schedule: str = Field("0 * * * *", description="when the platforms are pulled, as cron, UTC; each run covers the interval before it")
    extract_schedule: str = Field("0 6 * * *", description="when extracts are written besides after each publish, as cron, in the brand's time zone")
    maintenance_schedule: str = Field("30 3 * * *", description="when files are verified and pruned, as cron, UTC")
    stale_after_hours: float = Field(
        30.0, gt=0, description="published marts whose last day ended longer ago than this are not extracted by the clock"
    )
    task_retries: int = Field(2, ge=0, description="times a scheduled task is tried again when the world was briefly unwell")
    retry_delay_seconds: float = Field(300.0, ge=0, description="wait between two such attempts")
    warehouse_slots: int = Field(2, ge=1, description="brands whose marts are built at the same time")
    landing_url: str | None = Field(None, description="object store that keeps a copy of landing, such as s3://bucket/fifty; absent: local only")
    published_url: str | None = Field(None, description="object store to which versions are published, too; absent: local only")
    extracts_url: str | None = Field(None, description="object store to which extracts are written, too; absent: local only")
    storage_workers: int = Field(8, ge=1, description="uploads and downloads at the same time")
    storage_timeout_seconds: float = Field(60.0, gt=0, description="longest wait for one request to the object store, attempts included")
    storage_retries: int = Field(6, ge=0, description="attempts after the first for one request to the object store")

    @field_validator("published", mode="before")
    @classmethod
    def _read_no_place(cls, value: object) -> object:
        # As with the URLs, an empty one says that there is none, whatever `.env` says; as a path it would be the folder one is in.
        return None if value == "" else value

    @field_validator("landing_url", "published_url", "extracts_url")
    @classmethod
    def _check_store_url(cls, value: str | None) -> str | None:
        if not value:
            return None
        if not _STORE_URL.fullmatch(value):
            # Without the value: a key may have been pasted into it.
            raise ValueError("must be like s3://bucket/folder (or gs://, az://), without user, password or query")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _check_published(self) -> Self:
        # In one another, a brand's folder and what readers see of it would be one, and what is removed of the one would go from the other.
        data, published = self.data.resolve(), self.published.resolve() if self.published else None
        if published and (published.is_relative_to(data) or data.is_relative_to(published)):
            raise ValueError(f"FIFTY_PUBLISHED ({published}) and FIFTY_DATA ({data}) lie in one another; put them side by side")
        return self

    @property
    def allows_plain_http(self) -> bool:
        """Whether the object store's endpoint is stated as plain HTTP, as that of a server of one's own may be."""
        return any((os.environ.get(name) or "").startswith("http://") for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT"))

    def read_credential(self, name: str) -> SecretStr:
        """Value of the credential called `name`.

        Looked up in this order: environment `<NAME>` (upper case, `-` as `_`), the file that environment `<NAME>_FILE`
        names, the file `<name>` in `secrets`, an Airflow connection's password in environment `AIRFLOW_CONN_<NAME>`.
        Read anew at each call, so that a rotated credential needs no restart.

        Raises SettingsError naming every place that was looked at, never the value.
        """
        variable = name.upper().replace("-", "_")
        if value := os.environ.get(variable):
            return SecretStr(value)
        if path := os.environ.get(f"{variable}_FILE"):
            return SecretStr(_read_secret_file(Path(path), name))
        if self.secrets and (self.secrets / name).is_file():
            return SecretStr(_read_secret_file(self.secrets / name, name))
        if connection := os.environ.get(f"AIRFLOW_CONN_{variable}"):
            return SecretStr(_read_connection_password(connection, name))
        raise SettingsError(
            f"credential {name!r} is not there",
            where="settings",
            seen=f"no environment {variable}, {variable}_FILE or AIRFLOW_CONN_{variable}"
            + (f", no file {self.secrets / name}" if self.secrets else ", no FIFTY_SECRETS folder"),
            expected="one of them holding the value",
            remedy=f"export {variable}=… or put the value into a file and name it in {variable}_FILE",
        )


def _read_secret_file(path: Path, name: str) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingsError(
            f"the file of credential {name!r} cannot be read",
            where="settings",
            seen=f"{path}: {error.strerror}",
            expected="a readable file holding the value alone",
            remedy="check the path and its permissions",
        ) from None


def _read_connection_password(connection: str, name: str) -> str:
    # Airflow's own two notations: JSON and URI. Only the password is ours to use.
    import json
    from urllib.parse import unquote, urlsplit

    try:
        password = json.loads(connection).get("password") if connection.startswith("{") else urlsplit(connection).password
    except ValueError:
        password = None
    if not password:
        raise SettingsError(
            f"the Airflow connection of credential {name!r} holds no password",
            where="settings",
            expected="a connection whose password is the credential",
            remedy=f"airflow connections add {name} --conn-type http --conn-password …",
        )
    return unquote(password)


def load_settings(**overrides: object) -> Settings:
    """Settings from environment and `.env`; `overrides` (from the command line) win where they are not None.

    Raises SettingsError with all mistakes at once.
    """
    from pydantic import ValidationError

    try:
        return Settings(**{key: value for key, value in overrides.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        mistakes = [_describe_mistake(item["loc"], item["msg"]) for item in error.errors()]
        raise SettingsError.collect(mistakes, where="settings") from None


def _describe_mistake(place: tuple[int | str, ...], text: str) -> str:
    # What is wrong with several settings together has no place of its own, and names them.
    name = f"FIFTY_{'_'.join(map(str, place)).upper()}: " if place else ""
    return name + text.removeprefix("Value error, ")


if __name__ == "__main__":
    for key, value in load_settings().model_dump().items():
        print(f"FIFTY_{key.upper()}={value}")
