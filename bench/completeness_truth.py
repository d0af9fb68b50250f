"""What really happened around a brand, read from the world's own columns, and what a naive reader would have to ask for.

DIR/world/<platform>/*.parquet → truth.interactions (one row per message, reaction or follow) → days on which they could be seen
                               → requests of *naive* on each day

*Interactions* are: every message in a tree that the brand began (on its own site: whoever began it), that answers or quotes the brand or one who
answers for it, or that names it; the brand's own messages; likes and reshares of the brand's messages; follows of the brand. Times are UTC instants.
Ids are the platform's own, as staging names them. Read by `python -m bench.completeness`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

PLATFORMS = ("mastodon", "bluesky", "wordpress")


@dataclass(frozen=True)
class Endpoints:
    """Largest pages of a platform, as its documentation states them, by what they list."""

    listing: int
    """Messages of the account."""
    followers: int | None
    likes: int | None
    reshares: int | None
    quotes: int | None
    answers: int | None
    """None: one request gives the whole tree."""


ENDPOINTS = {
    "mastodon": Endpoints(listing=40, followers=80, likes=80, reshares=80, quotes=40, answers=None),
    "bluesky": Endpoints(listing=100, followers=100, likes=100, reshares=100, quotes=100, answers=None),
    "wordpress": Endpoints(listing=100, followers=None, likes=None, reshares=None, quotes=None, answers=100),
}


def load_truth(connection: duckdb.DuckDBPyConnection, folder: Path, brand: str, responders: Sequence[tuple[str, str]]) -> None:
    """Fill `truth.messages`, `truth.reactions` and `truth.interactions`; `responders` are (platform, account id) of staff who answers for the brand."""
    connection.execute("attach ':memory:' as truth")
    connection.execute("create table truth.responders (platform varchar, account_id varchar)")
    if responders:
        connection.executemany("insert into truth.responders values (?, ?)", list(responders))
    connection.execute(
        "create table truth.messages (platform varchar, message_no bigint, post_id varchar, kind varchar, author varchar, side varchar, root_no bigint,"
        " parent_no bigint, quoted_no bigint, is_naming boolean, created_at timestamp, shown_at timestamp, ended_at timestamp)"
    )
    connection.execute(
        "create table truth.reactions (platform varchar, kind varchar, actor varchar, message_no bigint, target varchar, shown_at timestamp, ended_at timestamp)"
    )
    for platform in PLATFORMS:
        if not (folder / "world" / platform / "messages.parquet").exists():
            continue
        values = {"platform": platform, "brand": brand, "folder": str(folder / "world" / platform)}
        connection.execute(_ACCOUNTS, values)
        connection.execute(_MESSAGES, values)
        connection.execute(_REACTIONS, {name: values[name] for name in ("platform", "folder")})
    connection.execute(_INTERACTIONS)


def count_naive(connection: duckdb.DuckDBPyConnection, pulls: Sequence[datetime], *, days: int = 60, only_roots: bool = False) -> int:
    """Requests of one who asks, at each of `pulls`, about every message the brand wrote in the last `days` days, all lists, all pages.

    Counted: the listing of the account's messages, and for each of them likes, reshares, quotes and answers, and the followers once.
    An empty list costs one request. `only_roots`: asks only about messages that begin a thread.
    """
    connection.execute("create or replace temporary table pulls (pull_at timestamp)")
    connection.executemany("insert into pulls values (?)", [[pull] for pull in pulls])
    total = 0
    present = {row[0] for row in connection.execute("select distinct platform from truth.messages where side = 'brand'").fetchall()}
    for platform, pages in ENDPOINTS.items():
        if platform not in present:
            continue
        values = {"platform": platform, "days": days, "only_roots": only_roots}
        found = connection.execute(_NAIVE.format(**{name: size or "null" for name, size in vars(pages).items()}), values).fetchone()
        total += int(found[0]) if found else 0
    return total


_ACCOUNTS = """
create or replace temporary table accounts as
select accounts.account_no, accounts.account_id,
    case
        when accounts.brand = $brand and accounts.role = 'brand' then 'brand'
        when responders.account_id is not null then 'responder'
        when accounts.brand is not null or accounts.role <> 'person' then 'other'
        else 'external'
    end as side
from read_parquet($folder || '/accounts.parquet') as accounts
left join truth.responders as responders on responders.platform = $platform and responders.account_id = accounts.account_id
"""

_MESSAGES = """
insert into truth.messages
select $platform, message_no, post_id, kind, authors.account_id, if(site is not null and message_no = root_no, 'brand', authors.side), root_no, parent_no, quoted_no,
    message_no in (
        select mentions.message_no from read_parquet($folder || '/mentions.parquet') as mentions
        inner join accounts on mentions.account_no = accounts.account_no and accounts.side = 'brand'
    ),
    make_timestamp_ms(created_at), make_timestamp_ms(visible_at), make_timestamp_ms(deleted_at)
from read_parquet($folder || '/messages.parquet') as messages
inner join accounts as authors on messages.author_no = authors.account_no
where site is null or site = $brand
"""

_REACTIONS = """
insert into truth.reactions
select $platform, reactions.kind, actors.account_id, reactions.message_no, targets.account_id,
    make_timestamp_ms(reactions.visible_at), make_timestamp_ms(reactions.ended_at)
from read_parquet($folder || '/reactions.parquet') as reactions
inner join accounts as actors on reactions.actor_no = actors.account_no
left join accounts as targets on reactions.target_no = targets.account_no
left join truth.messages as messages on messages.platform = $platform and reactions.message_no = messages.message_no
where targets.side = 'brand' or messages.side = 'brand'
"""

_INTERACTIONS = """
create table truth.interactions as
with messages as (
    select
        messages.*,
        roots.side as root_side,
        coalesce(roots.created_at, messages.created_at) as root_created_at,
        coalesce(parents.side, 'external') as parent_side,
        coalesce(quoted.side, 'external') as quoted_side
    from truth.messages as messages
    left join truth.messages as roots on messages.platform = roots.platform and messages.root_no = roots.message_no
    left join truth.messages as parents on messages.platform = parents.platform and messages.parent_no = parents.message_no
    left join truth.messages as quoted on messages.platform = quoted.platform and messages.quoted_no = quoted.message_no
)
select
    platform, if(side = 'external', kind, 'own_message') as kind, post_id as interaction_id, post_id, shown_at, ended_at,
    root_created_at as subject_created_at, message_no <> root_no as is_on_post
from messages
where side in ('external', 'brand', 'responder')
    and (side = 'brand' or root_side = 'brand' or parent_side in ('brand', 'responder') or quoted_side in ('brand', 'responder') or is_naming)
union all
select
    reactions.platform, reactions.kind, concat_ws('|', reactions.kind, reactions.actor, coalesce(messages.post_id, reactions.target)),
    messages.post_id, reactions.shown_at, reactions.ended_at, messages.created_at, messages.post_id is not null
from truth.reactions as reactions
left join truth.messages as messages on reactions.platform = messages.platform and reactions.message_no = messages.message_no
"""

# Pages of a list of n: at least one request. A list the platform does not have (page size null) costs nothing.
_NAIVE = """
with own as (
    select pulls.pull_at, messages.message_no, messages.root_no
    from pulls
    inner join truth.messages as messages
        on messages.shown_at < pulls.pull_at and messages.created_at >= pulls.pull_at - to_days($days)
        and coalesce(messages.ended_at, timestamp '9999-01-01') >= pulls.pull_at
    -- A comment of the brand has no lists of its own.
    where messages.platform = $platform and messages.side = 'brand' and (messages.message_no = messages.root_no or {answers} is null)
),

lists as (
    select own.pull_at, own.message_no, reactions.kind, count(*) as items
    from own
    inner join truth.reactions as reactions
        on reactions.platform = $platform and own.message_no = reactions.message_no and reactions.shown_at < own.pull_at
        and coalesce(reactions.ended_at, timestamp '9999-01-01') >= own.pull_at
    group by all
    union all
    select own.pull_at, own.message_no, if(messages.quoted_no = own.message_no, 'quote', 'answer'), count(*)
    from own
    inner join truth.messages as messages
        on messages.platform = $platform and messages.message_no <> own.message_no
        and (messages.quoted_no = own.message_no or messages.root_no = own.message_no) and messages.shown_at < own.pull_at
        and coalesce(messages.ended_at, timestamp '9999-01-01') >= own.pull_at
    group by all
),

asked as (
    select own.pull_at, own.message_no, sizes.kind, sizes.page_size
    from own
    cross join (values ('like', {likes}), ('reshare', {reshares}), ('quote', {quotes})) as sizes (kind, page_size)
    where (own.message_no = own.root_no or not $only_roots) and sizes.page_size is not null
    union all
    -- Without a page size the whole tree comes at once, whatever hangs in it.
    select own.pull_at, own.message_no, 'answer', coalesce({answers}, 1000000)
    from own
    where own.message_no = own.root_no or not $only_roots
),

follows as (
    select pulls.pull_at, count(reactions.actor) as items
    from pulls
    left join truth.reactions as reactions
        on reactions.platform = $platform and reactions.kind = 'follow' and reactions.shown_at < pulls.pull_at
        and coalesce(reactions.ended_at, timestamp '9999-01-01') >= pulls.pull_at
    group by pulls.pull_at
)

select
    coalesce((
        select sum(greatest(ceil(coalesce(lists.items, 0) / asked.page_size), 1))
        from asked left join lists on asked.pull_at = lists.pull_at and asked.message_no = lists.message_no and asked.kind = lists.kind
    ), 0)
    + coalesce((select sum(ceil(items / {listing})) from (select count(*) as items from own group by pull_at)), 0)
    + coalesce((select sum(greatest(ceil(items / {followers}), 1)) from follows where {followers} is not null), 0)
"""
