"""Business files: campaigns, costs, conversions, referrals, labels, person facts, outreach, dropped as CSV into a folder.

<business_files>/<stream>*.csv → one item a row, cells as text, empty ones left out → landing

README.md lists the columns. A file may be split (`costs-2026-10.csv`); a row is recognised by its id, the newest load counts.
"""

from __future__ import annotations

from fifty.connectors.base import Connector, Stream, list_fields
from fifty.connectors.business.files import read_csv_files

ORIGIN = {"_file": "text", "_row": "count"}


def _declare(name: str, needed: str, **columns: str) -> Stream:
    """A stream of rows; without the `needed` columns a row is useless."""
    shape = {**dict.fromkeys(needed.split(), "id!"), **list_fields(**columns), **ORIGIN}
    return Stream(name=name, kind="state", path=f"{name}*.csv", shape=shape, entity=name, key=needed.split()[0])


CONNECTOR = Connector(
    platform="business",
    title="Business files",
    read_local=read_csv_files,
    streams=(
        _declare(
            "campaigns",
            "campaign_id",
            text="campaign_name post_ids hashtags link_patterns asked_action control",
            utc_time="starts_at ends_at",
            flag="is_incentivised is_promotional",
        ),
        _declare("costs", "cost_id", id="campaign_id", text="channel cost_kind currency", utc_time="incurred_at", number="amount hours"),
        _declare(
            "conversions",
            "conversion_id",
            id="person_ref referral_id",
            text="conversion_kind currency unit",
            utc_time="occurred_at refunded_at",
            number="amount quantity",
            flag="is_rewarded",
        ),
        _declare(
            "referrals",
            "referral_id",
            id="referrer_ref prospect_ref parent_referral_id",
            text="arm",
            utc_time="referred_at",
            flag="is_rewarded",
        ),
        _declare("labels", "entity entity_id label", text="value labelled_by", utc_time="labelled_at"),
        _declare(
            "person_facts",
            "person_ref fact",
            text="value source basis purpose",
            utc_time="collected_at expires_at objected_at",
        ),
        _declare("outreach", "outreach_id", id="person_ref", text="contacted_by channel note", utc_time="contacted_at answered_at"),
    ),
)
