"""What is true of each brand in a world as of a moment, computed with set operations and written beside it as Parquet; no platform ever opens it.

Data flow: world/, hidden/ + a moment -> DuckDB -> DIR/truth/<brand>/*.parquet and summary.json.

Two kinds of truth. *Conformance* (posts, reactions, accounts, identities, asks, exchanges, living): what a pipeline must find by the specification's own
rules, written down here independently. Asks leave out deleted messages and accounts that are gone; exchanges are paired with and without deleted messages
and kept where both passes have one on the day; guests without an e-mail address are nobody in particular and in neither.
*Validity* (people, future_exchange, value_ledger, campaign_effect, the thesis in summary.json): whether that is worth anything.
 Grain of each table: the comment above its query.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from demo.ids import mint_reaction_ids
from demo.model import DAY, PLATFORM_NAMES, WorldHead, format_utc, parse_instant, read_head, write_atomically

MASS_MENTION = 3  # a message that names more people by hand addresses none of them
LONGEST_GAP = 7 * DAY
LIVING_DAYS = 90
BOOTSTRAPS = 2000

# What one platform shows at the moment, with what its messages mean for the brand. {world} and {hidden} are folders, {now} the moment.
_PLATFORM = """
create or replace temp table account as
with conditions as (
    select
        account_no,
        max(ts) filter (where kind = 'suspend') as suspended_at,
        max(ts) filter (where kind = 'deactivate') as deactivated_at,
        coalesce(max(ts) filter (where kind = 'return'), -1) as returned_at,
        bool_or(kind = 'protect') as is_protected,
        arg_max((data ->> 'username'), ts) filter (where kind = 'rename' and (data ->> 'username') is not null) as username,
        arg_max((data ->> 'display_name'), ts) filter (where kind = 'rename' and (data ->> 'display_name') is not null) as display_name,
    from read_parquet('{world}/changes.parquet')
    where ts <= {now}
    group by account_no
),
circle as (
    select {platform}_no as account_no, person_id, type from read_parquet('{folder}/hidden/members.parquet')
    where brand = '{brand}' and {platform}_no >= 0
)
select
    accounts.account_no, accounts.account_id, accounts.domain, accounts.email, accounts.role, accounts.is_bot, circle.person_id, circle.type,
    coalesce(conditions.username, accounts.username) as username,
    coalesce(conditions.display_name, accounts.display_name) as display_name,
    coalesce(conditions.is_protected, false) as is_locked,
    case when conditions.suspended_at > conditions.returned_at then conditions.suspended_at end as suspended_at,
    case when conditions.deactivated_at > conditions.returned_at then conditions.deactivated_at end as deactivated_at,
    coalesce(greatest(conditions.suspended_at, conditions.deactivated_at) > conditions.returned_at, false) as is_gone,
    own.account_no is not null as is_own,
    coalesce(own.answers_for_brand, false) as is_brand_side,
    own.account_no is not null and not own.answers_for_brand as is_internal,
    coalesce(own.role = 'automaton', false) or accounts.is_bot as is_automated,
from read_parquet('{world}/accounts.parquet') as accounts
left join conditions using (account_no)
left join circle using (account_no)
left join (select distinct account_no, role, answers_for_brand from own where platform = '{platform}') as own using (account_no)
where accounts.role = 'person' or accounts.brand = '{brand}';

create or replace temp table message as
with told as (
    select messages.*, hidden.intent, hidden.campaign_no
    from read_parquet('{world}/messages.parquet') as messages
    inner join read_parquet('{hidden}/messages.parquet') as hidden using (message_no)
    where hidden.brand_no = {brand_no} and messages.visible_at <= {now}
),
edited as (
    select message_no, max(ts) as edited_at, arg_max(segments, ts) as segments from read_parquet('{world}/edits.parquet') where ts <= {now} group by all
),
named as (
    select mentions.message_no, list(account.account_id order by mentions.rowid) as names, count(*) as name_count
    from (select message_no, account_no, row_number() over () as rowid from read_parquet('{world}/mentions.parquet')) as mentions
    inner join account using (account_no)
    group by mentions.message_no
),
tagged as (
    select message_no, list(lower(tag)) as tags from read_parquet('{world}/tags.parquet') group by message_no
)
select
    told.message_no, told.post_id, told.kind, told.author_no, told.created_at, told.visible_at, told.parent_no, told.root_no, told.quoted_no,
    told.intent, told.campaign_no, author.account_id as author_account_id, author.is_gone as is_author_gone, author.is_brand_side, author.is_internal,
    author.is_automated,
    coalesce(edited.segments, told.segments) as segments, edited.edited_at,
    case when told.deleted_at <= {now} then told.deleted_at end as deleted_at,
    case when told.deleted_at <= {now} then told.delete_mode end as delete_mode,
    coalesce(named.names, []) as names, coalesce(named.name_count, 0) as name_count, tagged.tags,
from told
inner join account as author on author.account_no = told.author_no
left join edited using (message_no)
left join named using (message_no)
left join tagged using (message_no);

alter table message add column is_incentivised boolean;
update message set is_incentivised = exists (
    from contest, message as root
    where root.message_no = message.root_no and message.created_at >= contest.starts_at and message.created_at < contest.ends_at
        and (list_contains(contest.post_ids, '{platform}:' || root.post_id) or list_has_any(contest.hashtags, coalesce(message.tags, [])))
);
alter table message add column is_served boolean;
update message set is_served = deleted_at is null and not is_author_gone;

-- Pairs of whom one blocks the other: on Bluesky neither is then shown below, or behind, what the other wrote.
create or replace temp table parted as
with blocks as (
    select account_no, target_no from read_parquet('{world}/changes.parquet') where '{platform}' = 'bluesky' and kind = 'block' and ts <= {now}
)
select account_no as one_no, target_no as other_no from blocks
union
select target_no, account_no from blocks;

create or replace temp table reachable as
with recursive walk as (
    select message_no, author_no from message where parent_no = -1 and is_served
    union all
    select message.message_no, message.author_no
    from message
    inner join walk on walk.message_no = message.parent_no
    left join parted on parted.one_no = message.author_no and parted.other_no = walk.author_no
    where message.is_served and parted.one_no is null
)
select message_no from walk;

-- One row per message and account it is towards, seen from the brand: in, out or peer.
create or replace temp table contact as
with above as (
    select
        message.message_no, other.author_no as target_no,
        case when message.quoted_no >= 0 then 'quote' when '{platform}' = 'wordpress' then 'comment' else 'reply' end as contact_kind,
    from message
    inner join message as other
        on other.message_no = case when message.parent_no >= 0 then message.parent_no when message.quoted_no >= 0 then message.quoted_no
            else message.root_no end
    where other.author_no != message.author_no
),
by_hand as (
    select distinct mentions.message_no, mentions.account_no as target_no, 'mention' as contact_kind
    from read_parquet('{world}/mentions.parquet') as mentions
    inner join message using (message_no)
    where mentions.account_no != message.author_no
),
targets as (
    from above
    union all
    select by_hand.* from by_hand anti join above using (message_no, target_no)
)
select
    message.message_no, message.author_no, targets.target_no, targets.contact_kind, message.created_at, message.post_id, message.root_no,
    case when message.is_brand_side then 'out' when target.is_brand_side then 'in' else 'peer' end as direction,
    message.is_automated, message.is_incentivised, message.deleted_at is null as is_standing, message.campaign_no,
    not starts_with(message.author_account_id, 'guest:without-email') and not starts_with(target.account_id, 'guest:without-email') as is_identifiable,
    targets.contact_kind != 'mention' or message.name_count <= {mass} as is_direct,
from targets
inner join message using (message_no)
inner join account as target on target.account_no = targets.target_no
where not message.is_internal and not target.is_internal and not (message.is_brand_side and target.is_brand_side) and not message.is_author_gone;
"""

# posts: one row per message that was ever shown.
_POSTS = """
select
    '{platform}' as platform, replace(message.post_id, 'post:', '') as post_id, message.author_account_id, message.kind,
    replace(parent.post_id, 'post:', '') as parent_post_id, replace(root.post_id, 'post:', '') as root_post_id,
    replace(quoted.post_id, 'post:', '') as quoted_post_id,
    array_to_string(list_transform(from_json(message.segments, '[["VARCHAR"]]'),
        lambda part: case part[1] when 'h' then '#' when 'm' then '@' else '' end || part[2]), '') as text,
    {created_at} as created_at, {visible_at} as visible_at, {edited_at} as edited_at, {deleted_at} as deleted_at, message.delete_mode,
    message.names as mentioned_by_hand, coalesce(contacts.directions, []) as directions, message.is_brand_side as is_by_brand_side,
    message.is_automated, message.is_incentivised, message.intent, campaign.campaign_id as caused_by, message.is_served,
    reachable.message_no is not null as is_reachable_from_root,
from message
inner join message as root on root.message_no = message.root_no
left join message as parent on parent.message_no = message.parent_no
left join message as quoted on quoted.message_no = message.quoted_no
left join reachable on reachable.message_no = message.message_no
left join campaign on campaign.campaign_no = message.campaign_no
left join (select message_no, list_sort(list(distinct direction)) as directions from direction group by message_no) as contacts
    on contacts.message_no = message.message_no
order by message.message_no
"""

# reactions: one row per like, reshare and follow that was ever shown; occurred_at is when the platform learned of it, acted_at when it was done.
_REACTIONS = """
select
    '{platform}' as platform, reactions.kind, mint_reaction_id('{platform}', reactions.kind, reactions.reaction_no, reactions.ts) as reaction_id,
    actor.account_id as actor_account_id, replace(message.post_id, 'post:', '') as post_id,
    coalesce(message.author_account_id, target.account_id) as target_account_id, {visible_at} as occurred_at, {ts} as acted_at,
    reactions.kind = 'follow' and reactions.ts = {start} as is_before_world, {ended_at} as ended_at, campaign.campaign_id as caused_by,
    not coalesce(reactions.ended_at <= {now}, false) and not actor.is_gone and coalesce(message.is_served, true) and parted.one_no is null as is_served,
from read_parquet('{world}/reactions.parquet') as reactions
inner join read_parquet('{hidden}/reactions.parquet') as hidden using (reaction_no)
inner join account as actor on actor.account_no = reactions.actor_no
left join message on message.message_no = reactions.message_no
left join account as target on target.account_no = reactions.target_no
left join parted on parted.one_no = reactions.actor_no and parted.other_no = coalesce(message.author_no, reactions.target_no)
left join campaign on campaign.campaign_no = hidden.campaign_no
where hidden.brand_no = {brand_no} and reactions.visible_at <= {now} and (reactions.message_no = -1 or message.message_no is not null)
order by reactions.reaction_no
"""

# accounts: one row per account of the brand's own and of the people around it.
_ACCOUNTS = """
select
    '{platform}' as platform, account_id, username, domain, display_name, nullif(email, '') as email, role, person_id, type,
    is_bot as is_bot_by_platform, is_locked, {suspended_at} as suspended_at, {deactivated_at} as deactivated_at,
from account
where is_own or person_id is not null
order by account_no
"""

# asks: one row per ask, an external, human, not incentivised message to the brand's side; repeats in the thread before the answer join the first.
_ASKS = """
with turns as (
    select message_no, author_no as account_no, root_no, created_at, post_id, true as is_ask from contact
    where direction = 'in' and is_standing and not is_automated and not is_incentivised and is_identifiable
    union
    select message_no, target_no, root_no, created_at, post_id, false from contact where direction = 'out' and is_standing and not is_automated
),
counted as (
    select
        *,
        count(*) filter (where not is_ask) over (
            partition by account_no, root_no order by created_at, post_id rows between unbounded preceding and 1 preceding
        ) as answers_before,
    from turns
),
asks as (
    select
        account_no, root_no, answers_before, arg_min(message_no, (created_at, post_id)) as ask_no, min(created_at) as asked_at,
        count(*) - 1 as repeat_count,
    from counted where is_ask group by all
),
answers as (
    select account_no, root_no, answers_before, message_no as answer_no, created_at as answered_at from counted where not is_ask
)
select
    '{platform}' as platform, replace(ask.post_id, 'post:', '') as ask_post_id, account.account_id, account.person_id,
    replace(root.post_id, 'post:', '') as root_post_id, {asked_at} as asked_at, asks.repeat_count, replace(answer.post_id, 'post:', '') as answer_post_id,
    {answered_at} as answered_at, answer.author_account_id as answered_by, (answers.answered_at - asks.asked_at) / 3600000.0 as hours_to_answer,
from asks
inner join account on account.account_no = asks.account_no
inner join message as ask on ask.message_no = asks.ask_no
inner join message as root on root.message_no = asks.root_no
left join answers
    on answers.account_no = asks.account_no and answers.root_no = asks.root_no and answers.answers_before = asks.answers_before
left join message as answer on answer.message_no = answers.answer_no
order by ask.created_at, ask.post_id
"""

# exchanges: one row per pair of consecutive messages in opposite directions between the brand's side and one account, at most seven days apart.
_EXCHANGES = """
with turns as (
    select distinct
        case direction when 'in' then author_no else target_no end as account_no, direction, message_no, post_id, created_at, is_standing, campaign_no,
    from contact
    where direction != 'peer' and not is_automated and not is_incentivised and (direction = 'in' or is_direct) and is_identifiable
),
paired as (
    {passes}
),
exchange as (
    select *, cast(epoch_ms(second_at) as date) as on_date from paired
    where direction != next_direction and second_at - first_at <= {gap}
)
select
    '{platform}' as platform, (select account_id from account where role = 'brand' and is_own) as brand_account_id, account.account_id, account.person_id,
    replace(case direction when 'in' then first_id else second_id end, 'post:', '') as in_post_id,
    replace(case direction when 'in' then second_id else first_id end, 'post:', '') as out_post_id,
    cast(epoch_ms(first_at) as timestamptz) as first_at, cast(epoch_ms(second_at) as timestamptz) as second_at, on_date,
    campaign.campaign_id as caused_by,
from exchange
inner join account using (account_no)
left join campaign on campaign.campaign_no = exchange.campaign_no
where pass = 'standing' and (account_no, on_date) in (select (account_no, on_date) from exchange where pass = 'all')
order by account_no, second_at, second_id
"""
_PASS = """
select
    '{name}' as pass, account_no, direction, created_at as first_at, post_id as first_id,
    lead(direction) over turn_{name} as next_direction, lead(created_at) over turn_{name} as second_at, lead(post_id) over turn_{name} as second_id,
    greatest(campaign_no, lead(campaign_no) over turn_{name}) as campaign_no,
from turns where {which}
window turn_{name} as (partition by account_no order by created_at, post_id)
"""

# living: one row per account, and per person, with an exchange in the last ninety days; both of an exchange's messages lie inside.
_LIVING = """
with inside as (
    select * from exchanges where first_at >= {since} and second_at < {until}
),
counted as (
    select 'account' as level, platform, account_id, any_value(person_id) as person_id, {measures} from inside group by platform, account_id
    union all
    select 'person' as level, null as platform, null as account_id, person_id, {measures} from inside where person_id is not null group by person_id
)
select *, last_date - first_date >= 7 and in_count >= 2 and out_count >= 2 as is_living from counted order by level, platform, account_id, person_id
"""
_MEASURES = """
count(*) as exchange_count, min(on_date) as first_date, max(on_date) as last_date, count(distinct platform || in_post_id) as in_count,
count(distinct platform || out_post_id) as out_count
"""

# people: one row per person around the brand.
_PEOPLE = """
select
    members.person_id, members.type, members.name, members.activity, members.commitment, members.sociability, members.prizes, members.reach,
    members.gap_days, members.ring, epoch_ms(members.arrived_at)::timestamptz as arrived_at, campaign.campaign_id as stayed_after,
    business.business_ref, business.volunteered, business.is_of_the_fifty, business.is_of_the_crowd,
from read_parquet('{folder}/hidden/members.parquet') as members
inner join read_parquet('{folder}/hidden/business/{brand}/people.parquet') as business using (person_no)
left join campaign on campaign.campaign_no = members.stayed_after
where members.brand = '{brand}'
order by members.person_no
"""

# phases: one row per phase in which a person is there; what has not begun is left out.
_PHASES = """
select members.person_id, epoch_ms(phases.begins_at)::timestamptz as begins_at, epoch_ms(phases.ends_at)::timestamptz as ends_at
from read_parquet('{folder}/hidden/phases.parquet') as phases
inner join read_parquet('{folder}/hidden/members.parquet') as members using (brand, person_no)
where phases.brand = '{brand}' and phases.begins_at <= {now}
order by members.person_no, phases.begins_at
"""

# identities: one row per person and account; stated once the business has been told.
_IDENTITIES = """
with told as (
    select person_ref, min(known_at) as known_at from read_parquet('{folder}/hidden/business/{brand}/person_facts.parquet')
    where fact = 'account' group by person_ref
)
select
    accounts.person_id, accounts.platform, accounts.account_id, people.business_ref,
    coalesce(people.volunteered and told.known_at <= {now} and not starts_with(accounts.account_id, 'guest:'), false) as is_stated,
from accounts
inner join people using (person_id)
left join told on told.person_ref = people.business_ref
order by accounts.person_id, accounts.platform
"""

# future_exchange: one row per person and quarter's cut: what was before, and whether there was an exchange in the 30 and 90 days after (null: unknown yet).
_FUTURE = """
with cuts as (
    select cast(epoch_ms(instant) as timestamptz) as cut_at from unnest(cast({cuts} as bigint[])) as moments(instant)
)
select
    people.person_id, cuts.cut_at, count(exchanges.first_at) filter (where second_at < cut_at) as exchange_count_before,
    count(exchanges.first_at) filter (where second_at < cut_at and second_at >= cut_at - interval 90 day) as exchange_count_90_days_before,
    max(second_at) filter (where second_at < cut_at) as last_exchange_at,
    coalesce(bool_or(first_at >= cut_at and second_at < cut_at + interval 30 day), false) as is_in_exchange_30_days_after,
    case when cut_at + interval 90 day <= {now_at} then coalesce(bool_or(first_at >= cut_at and second_at < cut_at + interval 90 day), false) end
        as is_in_exchange_90_days_after,
from cuts
cross join people
left join exchanges using (person_id)
group by people.person_id, cuts.cut_at
order by cuts.cut_at, people.person_id
"""

# value_ledger: one row per conversion, ledger and who is credited: the buyer; and, where it was referred, the chain (half as much a step, shares sum to 1).
_LEDGER = """
with recursive bought as (
    select
        conversion_id, person_ref, person_no, campaign_no, occurred_at, amount, nullif(referral_id, '') as referral_id,
        coalesce(refunded_at <= {now}, false) as is_refunded,
    from read_parquet('{folder}/hidden/business/{brand}/conversions.parquet') where known_at <= {now}
),
referral as (
    from read_parquet('{folder}/hidden/business/{brand}/referrals.parquet') where known_at <= {now}
),
chain as (
    select bought.conversion_id, referral.referrer_ref, nullif(referral.parent_referral_id, '') as parent_id, 1 as k
    from bought inner join referral using (referral_id) where referral.arm = 'referred'
    union all
    select chain.conversion_id, referral.referrer_ref, nullif(referral.parent_referral_id, ''), chain.k + 1
    from chain inner join referral on referral.referral_id = chain.parent_id
),
shares as (
    select conversion_id, referrer_ref, k, pow(0.5, k - 1) / sum(pow(0.5, k - 1)) over (partition by conversion_id) as share from chain
),
rows_of_ledgers as (
    select 'buyer' as ledger, bought.*, person_ref as credited_ref, 1.0 as share, 0 as k from bought
    union all by name
    select 'earned' as ledger, bought.*, coalesce(shares.referrer_ref, person_ref) as credited_ref, coalesce(shares.share, 1.0) as share,
        coalesce(shares.k, 0) as k
    from bought left join shares using (conversion_id)
)
select
    rows_of_ledgers.ledger, rows_of_ledgers.conversion_id, rows_of_ledgers.k, rows_of_ledgers.credited_ref as person_ref, people.person_id,
    rows_of_ledgers.amount * rows_of_ledgers.share as credit, epoch_ms(rows_of_ledgers.occurred_at)::timestamptz as occurred_at,
    campaign.campaign_id as caused_by, rows_of_ledgers.is_refunded,
from rows_of_ledgers
left join people on people.business_ref = rows_of_ledgers.credited_ref
left join campaign on campaign.campaign_no = rows_of_ledgers.campaign_no
order by rows_of_ledgers.occurred_at, rows_of_ledgers.conversion_id, rows_of_ledgers.ledger, rows_of_ledgers.k
"""

# campaign_effect: one row per campaign that has begun: what it caused by now, counted; the people it brought beside the newcomers of the same weeks.
_EFFECT = """
with first_sight as (
    select person_id, min_by(caused_by, seen_at) as caused_by, min(seen_at) as seen_at
    from (
        select accounts.person_id, posts.created_at as seen_at, posts.caused_by
        from posts inner join accounts on accounts.platform = posts.platform and accounts.account_id = posts.author_account_id
        union all
        select accounts.person_id, reactions.occurred_at, reactions.caused_by
        from reactions inner join accounts on accounts.platform = reactions.platform and accounts.account_id = reactions.actor_account_id
        where not reactions.is_before_world
    )
    where person_id is not null
    group by person_id
),
seen_later as (
    select accounts.person_id, posts.created_at
    from posts inner join accounts on accounts.platform = posts.platform and accounts.account_id = posts.author_account_id
    where posts.intent not in ('contest', 'spam', 'promoted') and accounts.person_id is not null
),
newcomers as (
    select
        campaign.campaign_id, first_sight.caused_by is not null as is_caused, first_sight.person_id,
        {stays}
    from campaign
    inner join first_sight on first_sight.seen_at >= campaign.starts_at and first_sight.seen_at < campaign.ends_at
        and coalesce(first_sight.caused_by, campaign.campaign_id) = campaign.campaign_id
    left join seen_later using (person_id)
    group by all
)
select
    campaign.campaign_id, campaign.starts_at, campaign.ends_at, campaign.cost,
    (select count(*) from posts where caused_by = campaign.campaign_id) as messages_caused,
    (select count(*) from reactions where caused_by = campaign.campaign_id and kind = 'like') as likes_caused,
    (select count(*) from reactions where caused_by = campaign.campaign_id and kind = 'reshare') as reshares_caused,
    (select count(*) from reactions where caused_by = campaign.campaign_id and kind = 'follow') as follows_caused,
    (select count(*) from reactions where caused_by = campaign.campaign_id and kind = 'follow' and is_served) as follows_kept,
    (select count(*) from exchanges where caused_by = campaign.campaign_id) as exchanges_caused,
    (select count(distinct (platform, account_id)) from exchanges where caused_by = campaign.campaign_id
        and second_at >= campaign.ends_at + interval 60 day and second_at < campaign.ends_at + interval 90 day) as accounts_in_exchange_days_60_to_90,
    coalesce((select sum(credit) from value_ledger where ledger = 'buyer' and not is_refunded and caused_by = campaign.campaign_id), 0) as value_caused,
    {arms}
from campaign
where campaign.starts_at <= {now_at}
order by campaign.starts_at, campaign.campaign_id
"""


def write_truth(folder: Path, now: int) -> dict[str, dict[str, Any]]:
    """Write DIR/truth/<brand> for every brand as of ``now`` (milliseconds); returns the summaries by brand."""
    head = read_head(folder)
    return {brand: _write_brand(folder, head, brand, number, now) for number, brand in enumerate(head.brands)}


def _write_brand(folder: Path, head: WorldHead, brand: str, number: int, now: int) -> dict[str, Any]:
    target = folder / "truth" / brand
    target.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as database:
        database.execute("set timezone = 'UTC'")
        database.execute(f"set temp_directory = '{folder / '.duckdb'}'")
        database.create_function("mint_reaction_id", mint_reaction_ids, ["varchar", "varchar", "bigint", "bigint"], "varchar", type="arrow")
        _load_brand(database, head.brands[brand])
        words = {"folder": folder, "brand": brand, "brand_no": number, "now": now, "start": head.start}
        # Cuts every ninety days back from the end, with room to look back and at least thirty days to look ahead; one cut in a short world.
        cuts = [head.end - n * LIVING_DAYS * DAY for n in range(1, head.days // LIVING_DAYS + 1)] if head.days >= 150 else [head.end - 30 * DAY]
        words["cuts"] = [cut for cut in cuts if cut >= head.start + 30 * DAY and cut + 30 * DAY <= now]
        words["now_at"] = f"cast(epoch_ms({now}) as timestamptz)"
        for platform in PLATFORM_NAMES:
            _tell_platform(database, platform, words)
        since = max(now - LIVING_DAYS * DAY, head.start)
        measures = {"measures": _MEASURES, "since": f"cast(epoch_ms({since}) as timestamptz)", "until": words["now_at"]}
        queries = {"living": _LIVING.format(**measures), "people": _PEOPLE, "phases": _PHASES, "identities": _IDENTITIES, "future_exchange": _FUTURE,
                   "value_ledger": _LEDGER, "campaign_effect": _EFFECT.replace("{stays}", _list_stays()).replace("{arms}", _list_arms())}  # fmt: skip
        for name, query in queries.items():
            database.execute(f"create table {name} as {query if name == 'living' else query.format(**words)}")
        for name in ("posts", "reactions", "accounts", "asks", "exchanges", *queries):
            temporary = target / f".{name}.tmp"
            database.execute(f"copy {name} to '{temporary}' (format parquet, compression zstd)")
            temporary.replace(target / f"{name}.parquet")
        summary = _summarise(database, head, now)
    write_atomically(target / "summary.json", json.dumps(summary, indent=2) + "\n")
    return summary


def _load_brand(database: duckdb.DuckDBPyConnection, brand: dict[str, Any]) -> None:
    """Tables of what the brand says of itself: own (its accounts), campaign, contest."""
    own = pa.Table.from_pylist(brand["accounts"]).select(["platform", "account_no", "role", "answers_for_brand"])
    database.register("own_rows", own)
    database.execute("create table own as from own_rows")
    schema = pa.schema([
        ("campaign_no", pa.int16()), ("campaign_id", pa.string()), ("is_incentivised", pa.bool_()), ("starts", pa.int64()), ("ends", pa.int64()),
        ("cost", pa.float64()), ("post_ids", pa.list_(pa.string())), ("hashtags", pa.list_(pa.string())),
    ])  # fmt: skip
    rows = [
        {
            "campaign_no": number, "campaign_id": row["campaign_id"], "is_incentivised": row["is_incentivised"], "cost": row["cost"],
            "starts": parse_instant(row["starts_at"]), "ends": parse_instant(row["ends_at"]), "post_ids": row["post_ids"],
            "hashtags": [tag.lower() for tag in row["hashtags"]],
        }
        for number, row in enumerate(brand["campaigns"])
    ]  # fmt: skip
    database.register("campaign_rows", pa.Table.from_pylist(rows, schema=schema))
    database.execute(
        "create table campaign as select * exclude (starts, ends), epoch_ms(starts)::timestamptz as starts_at, epoch_ms(ends)::timestamptz as ends_at"
        " from campaign_rows"
    )
    database.execute(
        "create table contest as select starts as starts_at, ends as ends_at, post_ids, hashtags from campaign_rows where is_incentivised"
    )


def _tell_platform(database: duckdb.DuckDBPyConnection, platform: str, words: dict[str, Any]) -> None:
    """Add one platform's rows to posts, reactions, accounts, asks and exchanges."""
    folder = words["folder"]
    words = words | {"platform": platform, "world": folder / "world" / platform, "hidden": folder / "hidden" / platform, "mass": MASS_MENTION}
    database.execute(_PLATFORM.format(**words))
    database.execute("create or replace temp view direction as select message_no, direction from contact")
    passes = " union all ".join(_PASS.format(name=name, which=which) for name, which in (("standing", "is_standing"), ("all", "true")))

    def tell(*names: str) -> dict[str, str]:
        return {name.split(".")[-1]: f"cast(epoch_ms({name}) as timestamptz)" for name in names}

    ended = f"cast(epoch_ms(case when reactions.ended_at <= {words['now']} then reactions.ended_at end) as timestamptz)"
    queries = {
        "posts": _POSTS.format(**words, **tell("message.created_at", "message.visible_at", "message.edited_at", "message.deleted_at")),
        "reactions": _REACTIONS.format(**words, **tell("reactions.ts", "reactions.visible_at"), ended_at=ended),
        "accounts": _ACCOUNTS.format(**words, **tell("suspended_at", "deactivated_at")),
        "asks": _ASKS.format(**words, **tell("asks.asked_at", "answers.answered_at")),
        "exchanges": _EXCHANGES.format(**words, passes=passes, gap=LONGEST_GAP),
    }
    for name, query in queries.items():
        is_first = platform == PLATFORM_NAMES[0]
        database.execute(f"create table {name} as {query}" if is_first else f"insert into {name} by name {query}")


def _list_stays() -> str:
    """Columns that say whether a newcomer was seen to speak again so long after the campaign's end."""
    return ", ".join(
        f"coalesce(bool_or(seen_later.created_at >= campaign.ends_at + interval {days} day), false) as is_seen_after_{days}" for days in (30, 60, 90)
    )


def _list_arms() -> str:
    """Counts of the newcomers a campaign caused and of the others of the same weeks, and how many of them are seen later."""
    columns = []
    for arm, flag in (("caused", "is_caused"), ("organic", "not is_caused")):
        what = f"from newcomers where newcomers.campaign_id = campaign.campaign_id and {flag}"
        columns.append(f"(select count(*) {what}) as newcomers_{arm}")
        columns += [f"(select count(*) {what} and is_seen_after_{days}) as newcomers_{arm}_seen_after_{days}" for days in (30, 60, 90)]
    return ", ".join(columns) + ","


def _summarise(database: duckdb.DuckDBPyConnection, head: WorldHead, now: int) -> dict[str, Any]:
    """What the vanity counts say beside what is true, and what the thesis' two groups were worth."""

    def count(query: str) -> int:
        row = database.execute(query).fetchone()
        assert row is not None
        return int(row[0])

    def count_reactions(kind: str) -> int:
        return count(f"select count(*) from reactions where is_served and kind = '{kind}'")

    brands = "select account_id from accounts where role = 'brand'"
    living = dict.fromkeys(PLATFORM_NAMES, 0)
    query = "select platform, count(*) from living where level = 'account' and is_living group by platform"
    living |= dict(database.execute(query).fetchall())
    return {
        "now": format_utc(now),
        "seed": head.seed,
        "anchor": head.anchor.isoformat(),
        "preset": head.preset,
        "thesis": head.thesis,
        "regime": head.regime,
        "vanity": {
            "followers": count(f"select count(*) from reactions where is_served and kind = 'follow' and target_account_id in ({brands})"),
            "likes": count_reactions("like"),
            "reshares": count_reactions("reshare"),
        },
        "true": {
            "people": count("select count(*) from people"),
            "messages_served": count("select count(*) from posts where is_served"),
            "asks": count("select count(*) from asks"),
            "asks_answered": count("select count(*) from asks where answered_at is not null"),
            "exchanges": count("select count(*) from exchanges"),
            "living_relationships_by_account": sum(living.values()),
            "living_relationships_by_person": count("select count(*) from living where level = 'person' and is_living"),
            "living_by_platform": living,
        },
        "value": _weigh_thesis(database, head) if now >= head.end else None,
    }


def _weigh_thesis(database: duckdb.DuckDBPyConnection, head: WorldHead) -> dict[str, Any]:
    """Value of the fifty and of the like-only crowd in the window at the end, and the interval a perfect observer has of their difference."""
    days = LIVING_DAYS if head.days >= 2 * LIVING_DAYS else head.days // 3
    begin = head.end - days * DAY
    worth = {}
    for group in ("fifty", "crowd"):
        query = f"""
            select coalesce(sum(value_ledger.credit), 0)
            from people left join value_ledger on value_ledger.person_id = people.person_id and ledger = 'earned' and not is_refunded
                and occurred_at >= cast(epoch_ms({begin}) as timestamptz)
            where people.is_of_the_{group}
            group by people.person_id order by 1
        """
        worth[group] = np.array([row[0] for row in database.execute(query).fetchall()], dtype=float)
    source = np.random.Generator(np.random.Philox(key=head.seed))
    draws = _resample(source, worth["fifty"]) - _resample(source, worth["crowd"])
    low, high = (float(x) for x in np.quantile(draws, [0.025, 0.975]))
    return {
        "days": days,
        "fifty": {"people": len(worth["fifty"]), "value": round(float(worth["fifty"].sum()), 2)},
        "crowd": {"people": len(worth["crowd"]), "value": round(float(worth["crowd"].sum()), 2)},
        "difference": round(float(worth["fifty"].sum() - worth["crowd"].sum()), 2),
        "low": round(low, 2),
        "high": round(high, 2),
        "verdict": "holds" if low > 0 else "refuted" if high < 0 else "not shown",
    }


def _resample(source: np.random.Generator, values: np.ndarray) -> np.ndarray:
    """Sums of samples of the people with repetition; who brought nothing is drawn as one number."""
    some = values[values > 0]
    if not len(some):
        return np.zeros(BOOTSTRAPS)
    counts = source.binomial(len(values), len(some) / len(values), BOOTSTRAPS)
    return np.array([some[source.integers(0, len(some), count)].sum() for count in counts])
