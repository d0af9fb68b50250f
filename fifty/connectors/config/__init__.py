"""The configuration itself, landed like any platform, so that a replay needs the landing alone.

Brand (fifty.yml) → accounts with their roles, settings → landing

A load is made only when something in the configuration has changed.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fifty.connectors.base import Connector, LocalRead, Stream, list_fields
from fifty.landing import canonical_json, format_instant

if TYPE_CHECKING:
    from fifty.config import Account, Brand, RoleAccount

ACCOUNT = {
    "account_platform": "text!",
    "role": "text!",
    **list_fields(id="account_id", text="handle responder_id", boolean="answers_for_brand", time="valid_from valid_to"),
}
SETTING = {"name": "text!", "value": "text"}


def read_configuration(brand: Brand, stream: Stream) -> LocalRead:
    """Items of one stream as the configuration says now."""
    items = list_accounts(brand) if stream.name == "accounts" else list_settings(brand)
    return LocalRead(items, hashlib.sha256(canonical_json(items).encode()).hexdigest())


def list_accounts(brand: Brand) -> list[dict[str, Any]]:
    """Every configured account with its role; `account_id` is null where only the handle is configured."""
    items = [_describe(account, "brand", True) for account in brand.accounts]
    for role, accounts in (("staff", brand.staff), ("agency", brand.agency), ("automaton", brand.automatons)):
        items += [_describe(account, role, account.answers_for_brand) for account in accounts]
    return items


def _describe(account: Account | RoleAccount, role: str, answers: bool) -> dict[str, Any]:
    return {
        "account_platform": account.platform,
        "account_id": account.id,
        "handle": account.handle.lstrip("@") if account.handle else None,
        "role": role,
        "answers_for_brand": answers,
        "responder_id": getattr(account, "responder", None),
        "valid_from": _format_time(getattr(account, "valid_from", None)),
        "valid_to": _format_time(getattr(account, "valid_to", None)),
    }


def _format_time(instant: datetime | None) -> str | None:
    if instant is None:
        return None
    return format_instant(instant if instant.tzinfo else instant.replace(tzinfo=UTC))


def list_settings(brand: Brand) -> list[dict[str, Any]]:
    """What transform must know of the brand, one item a setting, values as text."""
    hours = brand.working_hours
    settings: dict[str, Any] = {
        "name": brand.name,
        "timezone": brand.timezone,
        "working_days": "|".join(hours.days),
        "work_start": hours.start.isoformat(timespec="minutes"),
        "work_end": hours.end.isoformat(timespec="minutes"),
        "holidays": "|".join(day.isoformat() for day in sorted(brand.holidays)),
        "currency": brand.currency,
        "language": brand.language,
    }
    if brand.staff_naming_basis:
        settings["staff_naming_basis"] = brand.staff_naming_basis
    settings |= {f"term.{number}": term for number, term in enumerate(brand.terms, start=1)}
    settings |= {f"parameter.{name}": repr(value) for name, value in sorted(brand.parameters_in_force.items())}
    settings |= {f"goal.{name}": repr(value) for name, value in sorted(brand.goals.items())}
    if brand.calibration:
        as_of = brand.calibration.as_of.isoformat()
        settings |= {f"calibrated.{name}": as_of for name in sorted(set(brand.calibration.parameters) - set(brand.parameters))}
        for number, result in enumerate(brand.calibration.results, start=1):
            settings[f"calibration.{number:03d}"] = canonical_json({"as_of": as_of, **result.model_dump(exclude_none=True)})
    return [{"name": name, "value": value} for name, value in settings.items()]


CONNECTOR = Connector(
    platform="config",
    title="Configuration",
    read_local=read_configuration,
    streams=(
        Stream(name="accounts", kind="state", path="accounts", shape=ACCOUNT, entity="config_accounts", key="handle"),
        Stream(name="settings", kind="state", path="settings", shape=SETTING, entity="config_settings", key="name"),
    ),
)
