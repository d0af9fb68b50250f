-- One row per item and who passed it on within the window of M1: real people who are still there and have not objected, and the brand's own accounts.
with events as {{ inlined() }} (
    select * from {{ ref('int_interactions') }}
),

items as {{ inlined() }} (
    select * from {{ ref('int_shareable_items') }}
),

limits as (
    select {{ shift_days('run.as_of_at', '-parameters.influence_window_days') }} as window_starts_at, parameters.least_p_real
    from {{ ref('int_run') }} as run
    cross join {{ ref('int_parameters') }} as parameters
),

automatons as (
    select distinct account_key from {{ ref('int_account_roles') }} where role = 'automaton'
),

nodes as (
    select persons.person_id as node_key
    from {{ ref('int_persons') }} as persons
    cross join limits
    where persons.p_real >= limits.least_p_real and not persons.is_deleted and not persons.has_objected
    union
    select account_key as node_key from {{ ref('int_account_roles') }} where side = 'brand' and account_key is not null
),

reshares as (
    select distinct
        items.post_key,
        items.author_key as source_key,
        items.author_kind as source_kind,
        case when events.direction = 'out' then events.actor_account_key else events.person_id end as receiver_key,
        case when events.direction = 'out' then 'brand' else 'person' end as receiver_kind
    from events
    inner join items on events.post_key = items.post_key
    cross join limits
    left join automatons on events.actor_account_key = automatons.account_key
    where events.kind = 'reshare'
        and not events.is_deleted and not events.is_incentivised and not events.is_automated
        and automatons.account_key is null
        -- Where the platform does not say when, it was after the item.
        and case when events.is_time_observed then items.published_at else events.event_at end >= limits.window_starts_at
)

select reshares.*
from reshares
inner join nodes as sources on reshares.source_key = sources.node_key
inner join nodes as receivers on reshares.receiver_key = receivers.node_key
where reshares.source_key <> reshares.receiver_key
