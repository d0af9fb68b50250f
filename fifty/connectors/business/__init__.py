"""Business files: campaigns, costs, conversions, referrals, labels, person facts, outreach, dropped as CSV into a folder.

<business_files>/<stream>*.csv → one item a row, cells as text, empty ones left out → landing

README.md lists the columns. A file may be split (`costs-2026-10.csv`); a row is recognised by its id, the newest load counts.
"""

from __future__ import annotations

from fifty.connectors.base import Connector, Stream
from fifty.connectors.business.files import read_csv_files

ORIGIN = {"_file": "text", "_row": "count"}


def _declare(name: str, shape: dict[str, str], key: str) -> Stream:
    return Stream(name=name, kind="state", path=f"{name}*.csv", shape={**shape, **ORIGIN}, entity=name, key=key)


CONNECTOR = Connector(
    platform="business",
    title="Business files",
    read_local=read_csv_files,
    streams=(
        _declare(
            "campaigns",
            {
                "campaign_id": "id!", "campaign_name": "text", "starts_at": "utc_time", "ends_at": "utc_time", "is_incentivised": "boolean",
                "is_promotional": "boolean", "post_ids": "text", "hashtags": "text", "link_patterns": "text", "asked_action": "text", "control": "text",
            },
            "campaign_id",
        ),
        _declare(
            "costs",
            {
                "cost_id": "id!", "incurred_at": "utc_time", "campaign_id": "id", "channel": "text", "cost_kind": "text", "amount": "number",
                "currency": "text", "hours": "number",
            },
            "cost_id",
        ),
        _declare(
            "conversions",
            {
                "conversion_id": "id!", "person_ref": "id", "occurred_at": "utc_time", "conversion_kind": "text", "amount": "number", "currency": "text",
                "quantity": "number", "unit": "text", "referral_id": "id", "is_rewarded": "boolean", "refunded_at": "utc_time",
            },
            "conversion_id",
        ),
        _declare(
            "referrals",
            {
                "referral_id": "id!", "referrer_ref": "id", "prospect_ref": "id", "referred_at": "utc_time", "arm": "text", "is_rewarded": "boolean",
                "parent_referral_id": "id",
            },
            "referral_id",
        ),
        _declare(
            "labels",
            {"entity": "text!", "entity_id": "id!", "label": "text!", "value": "text", "labelled_by": "text", "labelled_at": "utc_time"},
            "entity_id",
        ),
        _declare(
            "person_facts",
            {
                "person_ref": "id!", "fact": "text!", "value": "text", "source": "text", "basis": "text", "purpose": "text", "collected_at": "utc_time",
                "expires_at": "utc_time", "objected_at": "utc_time",
            },
            "person_ref",
        ),
        _declare(
            "outreach",
            {
                "outreach_id": "id!", "person_ref": "id", "contacted_by": "text", "contacted_at": "utc_time", "channel": "text", "answered_at": "utc_time",
                "note": "text",
            },
            "outreach_id",
        ),
    ),
)  # fmt: skip
