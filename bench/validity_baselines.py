"""Strength and what it is compared with, for every person of a transformed brand, from the same canonical events.

intermediate.int_interactions, int_exchanges, int_accounts → BASELINES (SQL) ─┐
marts.relationships.people, relationship_strength, the_fifty ─────────────────┴→ PersonScores

Strength and `the_fifty` are read from the marts, never computed here. Deleted events and what an automaton wrote in the brand's name count for
nobody, as in the product. *Talk* is a conversational event (mention, comment, reply, quote, message) in either direction.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np
from numpy.typing import NDArray

ORBIT_MONTHLY = 0.9
"""What is left of love after a month without contact (Orbit's published model)."""
BASELINES: dict[str, str] = {
    "like_count": "likes of the brand's messages",
    "follower_count": "followers of the person's largest account",
    "recency": "time since the last talk, nobody without talk",
    "frequency": "talk in either direction",
    "exchange_days": "days with a two-way exchange",
    "decayed_sum": "talk in either direction, halved every h days",
    "geometric_mean": "root of (decayed talk in × decayed talk out), plus 1 % of their sum to order the one-sided",
    "orbit_love": "what the person did (talk and reshares 1, likes 0.1), times 0.9 for each month since",
    "klout_like": "what the person did (talk and reshares 1, likes 0.1), times the logarithm of followers",
}
"""What each baseline is, in words; the SQL below says the same."""

_SCORES = """
with events as (
    select
        interactions.*,
        date_diff('second', interactions.event_at, run.as_of_at) / 86400.0 as age_days,
        case when interactions.is_engaged then 1.0 when interactions.kind = 'like' then 0.1 else 0.0 end as deed
    from intermediate.int_interactions as interactions
    cross join intermediate.int_run as run
    where interactions.direction in ('in', 'out') and not interactions.is_deleted
        and not (interactions.direction = 'out' and interactions.is_automated)
),

counted as (
    select
        person_id,
        count(*) filter (direction = 'in' and kind = 'like') as like_count,
        -min(age_days) filter (is_conversational) as recency,
        count(*) filter (is_conversational) as frequency,
        coalesce(sum(power(2, -age_days / $half_life)) filter (is_conversational and direction = 'in'), 0) as decayed_in,
        coalesce(sum(power(2, -age_days / $half_life)) filter (is_conversational and direction = 'out'), 0) as decayed_out,
        coalesce(sum(deed * power($monthly, age_days / 30)) filter (direction = 'in'), 0) as love,
        coalesce(sum(deed) filter (direction = 'in'), 0) as deeds
    from events
    group by person_id
),

exchanges as (
    select person_id, count(distinct exchange_day) as exchange_days from intermediate.int_exchanges group by person_id
),

followers as (
    select person_id, max(follower_count) as follower_count from marts.relationships.handles group by person_id
)

select
    people.person_id,
    coalesce(strengths.strength, 0) as strength,
    coalesce(fifty.rank, 0) as fifty_rank,
    coalesce(counted.frequency, 0) > 0 as has_talked,
    coalesce(counted.like_count, 0) as like_count,
    coalesce(followers.follower_count, 0) as follower_count,
    coalesce(counted.recency, '-infinity'::double) as recency,
    coalesce(counted.frequency, 0) as frequency,
    coalesce(exchanges.exchange_days, 0) as exchange_days,
    coalesce(counted.decayed_in + counted.decayed_out, 0) as decayed_sum,
    coalesce(sqrt(counted.decayed_in * counted.decayed_out) + 0.01 * (counted.decayed_in + counted.decayed_out), 0) as geometric_mean,
    coalesce(counted.love, 0) as orbit_love,
    coalesce(counted.deeds * ln(1 + coalesce(followers.follower_count, 0)), 0) as klout_like
from marts.relationships.people as people
left join marts.relationships.relationship_strength as strengths on people.person_id = strengths.person_id
left join marts.relationships.the_fifty as fifty on people.person_id = fifty.person_id
left join counted on people.person_id = counted.person_id
left join exchanges on people.person_id = exchanges.person_id
left join followers on people.person_id = followers.person_id
order by people.person_id
"""


@dataclass(frozen=True)
class PersonScores:
    """Scores of all people of a brand, in the order of `person_ids`."""

    person_ids: tuple[str, ...]
    scores: dict[str, NDArray[np.float64]]
    """`strength` and every baseline."""
    is_in_fifty: NDArray[np.bool_]
    has_talked: NDArray[np.bool_]
    """Whether brand and person ever said anything to each other."""


def score_people(connection: duckdb.DuckDBPyConnection, *, half_life: float) -> PersonScores:
    """Scores as of the last transform; `half_life` (days) is that of the decayed baselines. Marts must be attached as `marts`."""
    table = connection.execute(_SCORES, {"half_life": half_life, "monthly": ORBIT_MONTHLY}).fetchnumpy()
    return PersonScores(
        tuple(str(one) for one in table["person_id"]),
        {name: np.asarray(table[name], dtype=np.float64) for name in ("strength", *BASELINES)},
        np.asarray(table["fifty_rank"]) > 0,
        np.asarray(table["has_talked"], dtype=bool),
    )
