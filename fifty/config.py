"""`fifty.yml`: the brands, their accounts and people, checked whole before anything runs.

fifty.yml, brands/*.yml, brands/*.calibration.yml → Config (pydantic) → every stage

All mistakes come in one SettingsError, each with its place and the remedy. Credentials are named here, never written.
Try it alone: `fifty doctor --config fifty.yml`.
"""

from __future__ import annotations

import csv
import re
from datetime import date, datetime, time
from functools import cache
from pathlib import Path
from typing import Any, Literal
from zoneinfo import available_timezones

import yaml
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, field_validator, model_validator

from fifty.errors import SettingsError
from fifty.settings import PROJECT_ROOT
from fifty.yaml_files import read_yaml

PARAMETER_DEFAULTS = PROJECT_ROOT / "dbt_project" / "seeds" / "parameter_defaults.csv"
SUITES = PROJECT_ROOT / "expectations"
SLUG = re.compile(r"^[a-z0-9][a-z0-9_-]{0,62}$")
CALIBRATION_SUFFIX = ".calibration.yml"
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Account(_Strict):
    """An account of the brand on a platform; what is pulled."""

    platform: str = Field(description="short name of the platform, as its folder in fifty/connectors")
    handle: str | None = Field(None, description="how the account is addressed; `handle` or `id` is needed")
    id: str | None = Field(None, description="id on the platform")
    base_url: str = Field(description="address of the platform's server")
    credential: str | None = Field(None, description="name of the credential; absent: anonymous")
    user: str | None = Field(None, description="user name that goes with the credential, where the platform wants one")
    auth_url: str | None = Field(None, description="server that issues sessions, where it is another one (Bluesky: the PDS)")
    pull_since: date | None = Field(None, description="oldest day to ask for on the first load; absent: all the platform gives")
    is_paused: bool = Field(False, description="keep what is there, pull nothing new")

    @field_validator("base_url", "auth_url")
    @classmethod
    def _check_url(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"https?://[^\s/@?#]+(/[^\s@?#]*)?", value):
            raise ValueError("must start with http:// or https:// and hold no user or password")
        return value.rstrip("/") if value else value

    @model_validator(mode="after")
    def _check_identity(self) -> Account:
        if not (self.handle or self.id):
            raise ValueError("needs `handle` or `id`")
        return self

    @property
    def account_key(self) -> str:
        """Name of the account in paths, load ids and `source_account_id`: the id where given, else the handle, without a leading @."""
        return re.sub(r"[^A-Za-z0-9._:@-]", "_", (self.id or self.handle or "").lstrip("@"))


class RoleAccount(_Strict):
    """An account that is not a member of the audience: staff, agency or automaton."""

    platform: str
    handle: str | None = None
    id: str | None = None
    answers_for_brand: bool = Field(False, description="messages from it count as the brand's")
    responder: str | None = Field(
        None, description="who answers through it; the marts show a pseudonym of it unless the brand states `staff_naming_basis`"
    )
    valid_from: datetime | None = None
    valid_to: datetime | None = None

    @model_validator(mode="after")
    def _check_identity(self) -> RoleAccount:
        if not (self.handle or self.id):
            raise ValueError("needs `handle` or `id`")
        return self


class WorkingHours(_Strict):
    """When the brand promises to answer, in its own time zone."""

    days: list[Weekday] = ["monday", "tuesday", "wednesday", "thursday", "friday"]
    start: time = time(9, 0)
    end: time = time(17, 0)

    @model_validator(mode="after")
    def _check_order(self) -> WorkingHours:
        if self.end <= self.start:
            raise ValueError("`end` must be later than `start`")
        return self


class ExtractOrder(_Strict):
    """An extract that someone receives."""

    name: Literal["the_fifty", "weekly", "quarterly_verdict"]
    formats: list[Literal["csv", "xlsx", "html", "parquet"]] = ["html"]
    recipients: list[str] = Field([], description="who receives it, as they are called; delivery is beyond the folder")


class CalibrationResult(_Strict):
    """One number behind a calibration."""

    measure: str
    item: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    count: int | None = None
    note: str | None = None


class Calibration(_Strict):
    """What `fifty calibrate --write` wrote to brands/<brand>.calibration.yml."""

    as_of: date
    parameters: dict[str, float] = {}
    results: list[CalibrationResult] = []


class Brand(_Strict):
    """A brand: the tenant. Own landing, own warehouse file, own publishes."""

    name: str = Field(description="as people call it")
    timezone: str = Field("UTC", description="IANA name")
    working_hours: WorkingHours = WorkingHours()
    holidays: list[date] = []
    currency: str = Field("EUR", pattern=r"^[A-Z]{3}$")
    language: str = Field("en", pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]+)*$")
    accounts: list[Account] = Field(min_length=1)
    staff: list[RoleAccount] = []
    agency: list[RoleAccount] = []
    automatons: list[RoleAccount] = []
    staff_naming_basis: str | None = Field(
        None, min_length=3, description="why the marts may name staff (an agreement, a consent); absent: staff are pseudonyms"
    )
    terms: list[str] = Field([], description="words to listen for")
    goals: dict[str, float] = {}
    parameters: dict[str, float] = Field({}, description="parameters of the measurement model that differ from the default")
    business_files: Path | None = Field(None, description="folder into which campaigns.csv, costs.csv, … are dropped; relative to fifty.yml")
    extracts: list[ExtractOrder] = [
        ExtractOrder(name="the_fifty", formats=["csv", "xlsx", "html"]),
        ExtractOrder(name="weekly"),
        ExtractOrder(name="quarterly_verdict"),
    ]

    _calibration: Calibration | None = PrivateAttr(None)

    @property
    def calibration(self) -> Calibration | None:
        """What was fitted on the brand's own data, where it was."""
        return self._calibration

    @property
    def parameters_in_force(self) -> dict[str, float]:
        """Parameters that differ from the default: fitted ones, and over them those that the configuration names."""
        return {**(self._calibration.parameters if self._calibration else {}), **self.parameters}

    @property
    def platforms(self) -> set[str]:
        """Platforms on which the brand has an account."""
        return {account.platform for account in self.accounts}

    @field_validator("timezone")
    @classmethod
    def _check_timezone(cls, value: str) -> str:
        if value not in _list_timezones():
            raise ValueError(f"{value!r} is no IANA time zone; for example Europe/Berlin")
        return value

    @model_validator(mode="after")
    def _check_accounts(self) -> Brand:
        seen: set[tuple[str, str]] = set()
        for account in self.accounts:
            key = (account.platform, account.account_key)
            if key in seen:
                raise ValueError(f"account {key[0]}/{key[1]} is named twice")
            seen.add(key)
        return self


class Config(_Strict):
    """The whole configuration: brands by their slug."""

    brands: dict[str, Brand] = Field(min_length=1)

    @field_validator("brands")
    @classmethod
    def _check_slugs(cls, value: dict[str, Brand]) -> dict[str, Brand]:
        for slug in value:
            if not SLUG.match(slug):
                raise ValueError(f"brand {slug!r}: use lower case letters, digits, - and _ (it becomes a folder)")
        return value

    def pick(self, slug: str | None) -> dict[str, Brand]:
        """The brands a command is about: one, or all when `slug` is None. Raises SettingsError for an unknown one."""
        if slug is None:
            return self.brands
        if slug not in self.brands:
            raise SettingsError(
                f"brand {slug!r} is not configured", where="fifty.yml", expected=", ".join(sorted(self.brands)), remedy="use one of these"
            )
        return {slug: self.brands[slug]}


def load_config(path: Path, *, platforms: set[str] | None = None) -> Config:
    """Read `path` and `brands/*.yml` beside it.

    `platforms` are the registered platforms; an account on any other is a mistake. Raises SettingsError with all mistakes.
    """
    mistakes: list[str] = []
    raw = _read_yaml(path, mistakes)
    if raw is None:
        raise SettingsError.collect(mistakes, where=str(path))
    brands = dict(raw.get("brands") or {})
    for extra in sorted((path.parent / "brands").glob("*.yml")):
        if extra.name.endswith(CALIBRATION_SUFFIX):
            continue
        one = _read_yaml(extra, mistakes)
        if one is None:
            continue
        if extra.stem in brands:
            mistakes.append(f"{extra.name}: brand {extra.stem!r} is also in {path.name}; keep one of them")
        else:
            brands[extra.stem] = one
    try:
        config = Config.model_validate({**raw, "brands": brands})
    except ValidationError as error:
        mistakes += [f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']} (seen: {_shorten(item['input'])})" for item in error.errors()]
        raise SettingsError.collect(mistakes, where=str(path)) from None
    _add_calibrations(path, config, mistakes)
    for slug, brand in config.brands.items():
        if brand.business_files and not brand.business_files.is_absolute():
            brand.business_files = (path.parent / brand.business_files).resolve()
        mistakes += [
            f"brands.{slug}.parameters.{name}: no such parameter; dbt_project/seeds/parameter_defaults.csv and the suites in expectations/ name them"
            for name in (sorted(set(brand.parameters_in_force) - read_parameter_names()) if brand.parameters_in_force else [])
        ]
        if platforms is not None:
            named = [(f"accounts.{index}", account.platform) for index, account in enumerate(brand.accounts)]
            for place in ("staff", "agency", "automatons"):
                named += [(f"{place}.{index}", account.platform) for index, account in enumerate(getattr(brand, place))]
            mistakes += [
                f"brands.{slug}.{place}.platform: {platform!r} is no platform; known: {', '.join(sorted(platforms))}"
                for place, platform in named
                if platform not in platforms
            ]
    if mistakes:
        raise SettingsError.collect(mistakes, where=str(path))
    return config


def _add_calibrations(path: Path, config: Config, mistakes: list[str]) -> None:
    for file in sorted((path.parent / "brands").glob(f"*{CALIBRATION_SUFFIX}")):
        slug = file.name.removesuffix(CALIBRATION_SUFFIX)
        raw = _read_yaml(file, mistakes)
        if raw is None:
            continue
        if slug not in config.brands:
            mistakes.append(f"{file.name}: no brand {slug!r} is configured; remove the file")
            continue
        try:
            config.brands[slug]._calibration = Calibration.model_validate(raw)
        except ValidationError as error:
            mistakes += [f"{file.name}: {'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()]


@cache
def _list_timezones() -> frozenset[str]:
    # Each call walks the whole database of time zones.
    return frozenset(available_timezones())


@cache
def read_parameter_names() -> frozenset[str]:
    """Names of the parameters, from where their defaults are: the seed of the measurement model and the suites of the gates."""
    with PARAMETER_DEFAULTS.open(encoding="utf-8", newline="") as file:
        names = {row["parameter_name"] for row in csv.DictReader(file)}
    for suite in sorted(SUITES.glob("*/*.yml")):
        names |= set((read_yaml(suite) or {}).get("parameters") or {})
    return frozenset(names)


def _read_yaml(path: Path, mistakes: list[str]) -> dict[str, Any] | None:
    try:
        raw = read_yaml(path)
    except FileNotFoundError:
        mistakes.append(f"{path} is not there; `fifty init` writes a commented one")
        return None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        mistakes.append(f"{path} cannot be read: {' '.join(str(error).split())}")
        return None
    if not isinstance(raw, dict):
        mistakes.append(f"{path} must hold a mapping, seen: {_shorten(raw)}")
        return None
    return raw


def _shorten(value: object) -> str:
    # Values may be pasted secrets: show the type and a short head of scalars only.
    text = repr(value) if isinstance(value, (str, int, float, bool, type(None))) else type(value).__name__
    text = re.sub(r"//.*@", "//[secret]@", text)
    return text if len(text) <= 40 else text[:37] + "…"
