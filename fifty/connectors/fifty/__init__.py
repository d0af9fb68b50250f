"""What Fifty itself has said: rows of history that readers have seen, so that a later build can tell what has changed since.

publish (fifty/history.py) → landing → staging.published_history

Nothing is pulled: publish writes a load for each version that says something new, and lands it at once.
"""

from __future__ import annotations

from fifty.connectors.base import Connector, Stream, list_fields

PUBLISHED_ROW = {
    "history": "text!",
    "subject_id": "text!",
    "period_date": "date",
    **list_fields(text="series cause stage", date="said_as_of_date", boolean="is_living"),
    **list_fields(count="revision living_count conversing_count engaged_count exchange_day_count", number="living_weighted strength"),
}

CONNECTOR = Connector(
    platform="fifty",
    title="What was published",
    read_local=lambda brand, stream: None,
    is_pulled=False,
    streams=(
        Stream(name="published_history", kind="events", path="published_history", shape=PUBLISHED_ROW, entity="published_history", key="subject_id"),
    ),
)
