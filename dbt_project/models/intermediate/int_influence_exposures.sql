-- One row per brand account of the graph and real follower of it who passed nothing on: an edge of weight 0 (M1.3, `passivity_exposed`).
with follows as (
    select * from {{ ref('int_follows') }}
),

limits as (
    select run.as_of_at, parameters.least_p_real
    from {{ ref('int_run') }} as run
    cross join {{ ref('int_parameters') }} as parameters
),

persons as (
    select person_id, p_real, is_deleted, has_objected from {{ ref('int_persons') }}
),

edges as (
    select source_key, receiver_key from {{ ref('int_reshare_edges') }}
),

sources as (
    select distinct source_key from edges
)

select distinct follows.brand_account_key as source_key, follows.person_id as receiver_key
from follows
cross join limits
inner join sources on follows.brand_account_key = sources.source_key
inner join persons on follows.person_id = persons.person_id
left join edges on follows.brand_account_key = edges.source_key and follows.person_id = edges.receiver_key
where edges.source_key is null
    and persons.p_real >= limits.least_p_real and not persons.is_deleted and not persons.has_objected
    and coalesce(follows.started_at < limits.as_of_at, true) and coalesce(follows.ended_at >= limits.as_of_at, true)
