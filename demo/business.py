"""The brand's own files, as its shop, its desk and its agency would have dropped them by a moment: CSV in DIR/business/<brand>/.

Data flow: hidden/business/<brand>/*.parquet (all that will ever be known) + a moment -> seven CSV files a brand, quoted where names need it.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from demo.model import format_utc, read_head, write_atomically

COLUMNS: dict[str, list[str]] = {
    "campaigns": [
        "campaign_id",
        "campaign_name",
        "starts_at",
        "ends_at",
        "is_incentivised",
        "is_promotional",
        "post_ids",
        "hashtags",
        "link_patterns",
        "asked_action",
        "control",
    ],
    "costs": ["cost_id", "incurred_at", "campaign_id", "channel", "cost_kind", "amount", "currency", "hours"],
    "conversions": [
        "conversion_id",
        "person_ref",
        "occurred_at",
        "conversion_kind",
        "amount",
        "currency",
        "quantity",
        "unit",
        "referral_id",
        "is_rewarded",
        "refunded_at",
    ],
    "referrals": [
        "referral_id",
        "referrer_ref",
        "prospect_ref",
        "referred_at",
        "arm",
        "is_rewarded",
        "parent_referral_id",
    ],
    "labels": ["entity", "entity_id", "label", "value", "labelled_by", "labelled_at"],
    "person_facts": [
        "person_ref",
        "fact",
        "value",
        "source",
        "basis",
        "purpose",
        "collected_at",
        "expires_at",
        "objected_at",
    ],
    "outreach": ["outreach_id", "person_ref", "contacted_by", "contacted_at", "channel", "answered_at", "note"],
}
#: columns that are instants; a cell later than the moment is not known yet
INSTANTS = {
    "starts_at", "ends_at", "incurred_at", "occurred_at", "refunded_at", "referred_at", "labelled_at", "collected_at", "expires_at", "objected_at",
    "contacted_at", "answered_at",
}  # fmt: skip
#: what is announced before it comes
ANNOUNCED = {"ends_at", "expires_at"}


def write_business(folder: Path, now: int) -> dict[str, dict[str, int]]:
    """Write the files of every brand as of ``now`` (milliseconds); returns rows by brand and file. Raises FileNotFoundError where there is no world."""
    counts: dict[str, dict[str, int]] = {}
    for brand in read_head(folder).brands:
        counts[brand] = {}
        for name, columns in COLUMNS.items():
            table = pq.read_table(folder / "hidden" / "business" / brand / f"{name}.parquet", filters=[("known_at", "<=", now)])
            buffer = io.StringIO()
            writer = csv.writer(buffer, lineterminator="\r\n")
            writer.writerow(columns)
            cells = [[_write_cell(column, value, now) for value in table[column].to_pylist()] for column in columns]
            writer.writerows(zip(*cells, strict=True))
            write_atomically(folder / "business" / brand / f"{name}.csv", buffer.getvalue())
            counts[brand][name] = table.num_rows
    return counts


def _write_cell(column: str, value: Any, now: int) -> Any:
    """A value as a CSV cell; nothing for what is unknown or lies in the future."""
    if value is None or (column in INSTANTS and value > now and column not in ANNOUNCED):
        return ""
    return format_utc(value) if column in INSTANTS else value
