-- The core measures by one plain script, with nothing around them: the limit a full transform is held against.
-- warehouse.staging (attached) → events → strength, exchanges, LR90 by day, response times. `{as_of}` is the day described.
-- Left out, on purpose: identities over networks, campaigns, deletions and absence, account quality, validity of roles, working hours, evidence, lists,
-- intervals, reasons, descriptions, tests. So its figures are near those of the marts, not equal.
create table posts as
select
    platform || ':' || post_id as post_key,
    platform || ':' || arg_max(author_account_id, observed_at) as author_key,
    platform || ':' || arg_max(parent_post_id, observed_at) as parent_key,
    platform || ':' || arg_max(subject_post_id, observed_at) as subject_key,
    arg_max(kind, observed_at) as kind,
    arg_max(mentioned_account_ids, observed_at) as mentioned,
    coalesce(min(created_at), min(observed_at)) as event_at,
    any_value(platform) as platform
from warehouse.staging.posts
group by platform, post_id;

create table reactions as
select
    any_value(kind) as kind,
    platform || ':' || any_value(actor_account_id) as actor_key,
    platform || ':' || any_value(post_id) as post_key,
    coalesce(min(occurred_at), min(observed_at)) as event_at
from warehouse.staging.interactions
where kind in ('like', 'reshare')
group by platform, interaction_id;

create table handles as
select platform, lower(handle) as handle, arg_max(account_id, observed_at) as account_id
from warehouse.staging.accounts
where handle is not null
group by all;

create table brand as
select distinct configured.account_platform || ':' || coalesce(configured.account_id, handles.account_id) as account_key
from warehouse.staging.config_accounts as configured
left join handles on configured.account_platform = handles.platform and lower(configured.handle) = handles.handle
where configured.role = 'brand' or configured.answers_for_brand;

create table robots as
select distinct platform || ':' || account_id as account_key from warehouse.staging.accounts where is_automated
union
select account_platform || ':' || account_id from warehouse.staging.config_accounts where role = 'automaton';

create table roots as
with recursive climbed as (
    select posts.post_key, posts.post_key as root_key
    from posts
    left join posts as parents on posts.parent_key = parents.post_key
    where parents.post_key is null
    union all
    select posts.post_key, climbed.root_key from climbed inner join posts on posts.parent_key = climbed.post_key
)

select * from climbed;

create table events as
with addressed as (
    select posts.*, coalesce(parents.author_key, subjects.author_key) as target_key
    from posts
    left join posts as parents on posts.parent_key = parents.post_key
    left join posts as subjects on posts.subject_key = subjects.post_key
    union all
    select posts.* replace ('mention' as kind), posts.platform || ':' || named.account_id as target_key
    from posts, unnest(posts.mentioned) as named (account_id)
),

messages as (
    select
        post_key, author_key as actor_key, target_key, event_at,
        arg_min(kind, case kind when 'mention' then 1 else 0 end) as kind
    from addressed
    where target_key is not null and author_key <> target_key
    group by all
),

everything as (
    select messages.*, roots.root_key from messages inner join roots on messages.post_key = roots.post_key
    union all by name
    select reactions.kind, reactions.actor_key, posts.author_key as target_key, reactions.post_key, reactions.event_at
    from reactions
    inner join posts on reactions.post_key = posts.post_key
)

select
    everything.*,
    case when actors.account_key is not null then 'out' else 'in' end as direction,
    case when actors.account_key is not null then everything.target_key else everything.actor_key end as person_key,
    everything.kind in ('mention', 'comment', 'reply', 'quote', 'message', 'post') as is_conversational
from everything
left join brand as actors on everything.actor_key = actors.account_key
left join brand as targets on everything.target_key = targets.account_key
left join robots on everything.actor_key = robots.account_key
where (actors.account_key is null) <> (targets.account_key is null) and robots.account_key is null and everything.event_at < date '{as_of}' + 1;

create table strength as
with days as (
    select
        person_key, direction, kind, event_at::date as event_day,
        case kind when 'like' then 0.1 when 'mention' then 0.7 when 'reshare' then 0.8 when 'message' then 1.5 else 1.0 end as weight
    from events
    group by all
),

summed as (
    select
        person_key,
        coalesce(sum(decayed) filter (where direction = 'in' and kind <> 'like'), 0)
        + least(coalesce(sum(decayed) filter (where direction = 'in' and kind = 'like'), 0), 0.5) as strength_in,
        coalesce(sum(decayed) filter (where direction = 'out'), 0) as strength_out,
        count(*) filter (where direction = 'in' and kind <> 'like') as engaged
    from (select *, weight * pow(2, -(date '{as_of}' - event_day) / 30.0) as decayed from days)
    group by person_key
)

select
    person_key,
    case when engaged = 0 then 0
        else 100 * (strength_in + 0.5 * strength_out) / (strength_in + 0.5 * strength_out + 1.5 / (1 - pow(2, -1)))
            * (0.5 + coalesce(least(strength_in, strength_out) / nullif(strength_in + strength_out, 0), 0))
    end as strength
from summed;

create table exchanges as
with turns as (
    select
        *,
        lead(direction) over turn as next_direction,
        lead(event_at) over turn as next_at,
        lead(post_key) over turn as next_post_key
    from events
    where is_conversational
    window turn as (partition by person_key order by event_at, post_key)
)

select
    person_key, event_at::date as first_day, next_at::date as exchange_day,
    case direction when 'in' then post_key else next_post_key end as in_post_key,
    case direction when 'out' then post_key else next_post_key end as out_post_key
from turns
where next_direction <> direction and next_at <= event_at + interval 7 day;

create table living as
with changes as (
    select person_key, exchange_day as change_day from exchanges
    union
    select person_key, first_day + 90 from exchanges
),

judged as (
    select
        changes.person_key, changes.change_day,
        lead(changes.change_day) over (partition by changes.person_key order by changes.change_day) as until_day,
        count(distinct exchanges.exchange_day) >= 2
        and count(distinct exchanges.in_post_key) >= 2
        and count(distinct exchanges.out_post_key) >= 2
        and max(exchanges.exchange_day) - min(exchanges.exchange_day) >= 7 as is_living
    from changes
    left join exchanges
        on changes.person_key = exchanges.person_key
        and exchanges.exchange_day <= changes.change_day and exchanges.first_day + 90 > changes.change_day
    group by changes.person_key, changes.change_day
),

days as (select unnest(range((select min(event_at)::date from events), date '{as_of}' + 1, interval 1 day))::date as day)

select days.day, count(judged.person_key) as living_count
from days
left join judged on judged.is_living and judged.change_day <= days.day and judged.until_day > days.day
group by days.day;

create table response_times as
with turns as (
    select
        *,
        row_number() over thread as turn,
        min(case direction when 'out' then event_at end) over (thread rows between 1 following and unbounded following) as answered_at
    from events
    where is_conversational
    window thread as (partition by person_key, root_key order by event_at, direction desc, post_key)
)

select person_key, root_key, min(event_at) as asked_at, answered_at, epoch(answered_at - min(event_at)) as response_seconds
from turns
where direction = 'in'
group by person_key, root_key, answered_at;
