"""Attacks on a whole world: what money and noise can buy must move neither the one number nor the list of people.

A finished run's work file → rows as the attackers' accounts would have left them, in a load of their own → `fifty transform` → marts
"""

from __future__ import annotations

from typing import Any

import duckdb
import pytest
from demo_world import ANCHOR, DemoWorld, FinishedRun

LIKERS, ENTRANTS, BOTS, STRANGERS, ALTER_EGOS = 50_000, 1_000, 1_000, 1_000, 20
_FIFTY = "select rank, person_id, round(strength, 9) from marts.relationships.the_fifty order by rank"
_LIVING = "select living_count, living_weighted from marts.relationships.living_relationships_daily order by as_of_date desc limit 1"

# A day is counted back from the end of the as-of day. Every attacker has a profile that nothing speaks against, but for the bots.
_ATTACK = f"""
create or replace macro moment(days) as timestamp '{ANCHOR} 23:59:00' - to_microseconds(cast(days * 86400000000 as bigint));

insert into ops.loads by name
select 'attack' as load_id, platform, source_account_id, 'statuses' as stream, stream_kind, moment(0) as window_end, observed_at, 'accepted' as load_status
from ops.loads where platform = 'mastodon' and stream = 'profile' order by observed_at desc limit 1;

create temp table brand as
select distinct posts.author_account_id as account_id, loads.source_account_id, loads.observed_at
from staging.posts as posts
inner join intermediate.int_messages as messages on messages.post_key = 'mastodon:' || posts.post_id and messages.author_side = 'brand'
inner join ops.loads as loads on loads.load_id = 'attack'
where posts.platform = 'mastodon' and messages.author_role = 'brand';

create temp table attackers as
select 'liker' as kind, 'liker-' || i as account_id from range({LIKERS}) as people (i)
union all select 'tagged', 'tagged-' || i from range({ENTRANTS}) as people (i)
union all select 'untagged', 'untagged-' || i from range({ENTRANTS}) as people (i)
union all select 'bot', 'bot-' || i from range({BOTS}) as people (i)
union all select 'stranger', 'stranger-' || i from range({STRANGERS}) as people (i)
union all select 'alter', 'alter-' || i from range({ALTER_EGOS}) as people (i);

insert into staging.accounts by name
select
    'mastodon' as platform, brand.source_account_id, 'attack' as load_id, 1 as page, 1 as seq, brand.observed_at, 'profile|{{}}' as scope_key,
    attackers.account_id, attackers.account_id as handle, attackers.account_id as display_name,
    'https://else.example/@' || attackers.account_id as profile_url, timestamp '2024-01-01 00:00:00' as created_at,
    case when kind = 'bot' then 2 else 120 end as follower_count, case when kind = 'bot' then 900 else 130 end as following_count,
    case when kind = 'bot' then 4 else 300 end as post_count,
    case when kind = 'bot' then '{{"has_default_picture":true,"has_bio":false}}' else '{{"has_default_picture":false,"has_bio":true}}' end as attributes
from attackers cross join brand;

-- Turns as text: i is theirs, o is the brand's, then the days before the end of the as-of day.
create temp table said as
with turns as (
    -- Entrants of the tagged contest are answered, come back ten days later, and are answered again: two dates, all of it rewarded.
    select 'tagged' as kind, 'i30.0 o29.5 i21.0 o20.5' as told, 'moorhengift' as tag, false as is_automated
    union all select 'untagged', 'i60.0 o59.5', null, false
    union all select 'bot', 'i40.0 o39.9 i20.0 o19.9', null, true
    union all select 'stranger', 'o12.0 o2.0', null, false
    union all select 'alter', 'i50.0 o49.0 i30.0 o29.0 i5.0 o4.0', null, false
), numbered as (
    select attackers.account_id, turns.tag, turns.is_automated, unnest(string_split(turns.told, ' ')) as turn, unnest(range(len(string_split(turns.told, ' ')))) as n
    from attackers inner join turns using (kind)
)
select account_id, n, cast(substr(turn, 2) as double) as days, turn[1] = 'i' as is_in, tag, is_automated from numbered;

insert into staging.posts by name
select
    'mastodon' as platform, brand.source_account_id, 'attack' as load_id, 2 as page, row_number() over (order by said.account_id, n) as seq,
    brand.observed_at, 'statuses|{{}}' as scope_key,
    said.account_id || '-said-' || n as post_id, case when is_in then said.account_id else brand.account_id end as author_account_id,
    case when n = 0 then 'post' else 'reply' end as kind,
    case when n > 0 then said.account_id || '-said-' || (n - 1) end as parent_post_id, said.account_id || '-said-0' as root_post_id,
    'Hello!' as text, 'https://else.example/' || said.account_id || '/' || n as url, 'none' as media_type,
    case when tag is null then [] else [tag] end as hashtags, [] as link_urls,
    case when n > 0 then [] when is_in then [brand.account_id] else [said.account_id] end as mentioned_account_ids,
    case when not is_in and is_automated then true end as is_automated, moment(days) as created_at, '{{"visibility":"public"}}' as attributes
from said cross join brand;

insert into staging.interactions by name
select
    'mastodon' as platform, brand.source_account_id, 'attack' as load_id, 3 as page, row_number() over (order by attackers.account_id) as seq,
    brand.observed_at, 'favourites|{{}}' as scope_key, 'like|' || attackers.account_id as interaction_id, 'like' as kind,
    attackers.account_id as actor_account_id, brand.account_id as target_account_id, newest.post_id, moment(1) as occurred_at
from attackers cross join brand cross join (
    select max_by(post_id, created_at) as post_id from staging.posts, brand
    where platform = 'mastodon' and author_account_id = brand.account_id and created_at < moment(5) and load_id <> 'attack'
) as newest
where attackers.kind = 'liker';

insert into staging.campaigns by name
select platform, source_account_id, load_id, 999 as page, 1 as seq, observed_at, scope_key, 'gift' as campaign_id, 'Gift' as campaign_name,
    moment(31) as starts_at, moment(15) as ends_at, true as is_incentivised, true as is_promotional, [] as post_ids, ['moorhengift'] as hashtags, [] as link_patterns
from staging.campaigns order by observed_at desc limit 1;

-- Colleagues who talk to the brand from accounts that the configuration knows.
insert into staging.config_accounts by name
select accounts.platform, accounts.source_account_id, accounts.load_id, 999 as page, row_number() over (order by attackers.account_id) as seq,
    accounts.observed_at, accounts.scope_key, 'mastodon' as account_platform, attackers.account_id, attackers.account_id as handle, 'staff' as role,
    false as answers_for_brand
from attackers
cross join (select * from staging.config_accounts order by observed_at desc, seq limit 1) as accounts
where attackers.kind = 'alter';
"""


def _read(run: FinishedRun, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(run.root / "warehouse.duckdb"), read_only=True) as reader:
        reader.execute(f"attach '{run.root / 'marts.duckdb'}' as marts (read_only)")
        return reader.execute(query).fetchall()


@pytest.fixture(scope="module")
def attacked(world: DemoWorld, first_run: FinishedRun, tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """The first run's work file with all attacks in it, transformed again."""
    run = first_run.copy(tmp_path_factory.mktemp("attacked") / "data")
    with duckdb.connect(str(run.root / "warehouse.duckdb")) as writer:
        writer.execute(_ATTACK)
        told = dict(writer.execute("select load_id, count(*) from staging.posts where load_id = 'attack' group by all").fetchall())
        assert told == {"attack": 4 * ENTRANTS + 2 * ENTRANTS + 4 * BOTS + 2 * STRANGERS + 6 * ALTER_EGOS}
    done = world.run_fifty(run.data, "transform", "--as-of", ANCHOR)
    assert done.returncode == 0, done.stderr
    return run


def test_likes_contests_bots_cold_messages_and_colleagues_buy_no_living_relationship(first_run: FinishedRun, attacked: FinishedRun) -> None:
    # The attack arrived: the people are known, the colleagues are not among them.
    people = "select split_part(account_key, ':', 2) as account, count(*) from marts.relationships.people where account_key like 'mastodon:%-%' group by all"
    kinds: dict[str, int] = {}
    for account, count in _read(attacked, people):
        kinds[account.split("-")[0]] = kinds.get(account.split("-")[0], 0) + count
    wanted = {"liker": LIKERS, "tagged": ENTRANTS, "untagged": ENTRANTS, "bot": BOTS, "stranger": STRANGERS}
    assert {name: kinds.get(name, 0) for name in (*wanted, "alter")} == {**wanted, "alter": 0}
    assert _read(attacked, _LIVING) == _read(first_run, _LIVING)


def test_the_same_attacks_move_nobody_on_the_list_of_people(first_run: FinishedRun, attacked: FinishedRun) -> None:
    assert _read(attacked, _FIFTY) == _read(first_run, _FIFTY)
