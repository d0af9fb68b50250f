with persons as (
    select * from {{ ref('int_persons') }}
),

events as (
    select * from {{ ref('int_interactions') }} where not is_deleted
),

run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select * from {{ ref('int_parameters') }}
),

ties as (
    select * from {{ ref('int_person_ties') }}
),

layers as (
    select * from {{ ref('int_person_layers') }}
),

strengths as (
    select person_id, strength from {{ ref('relationship_strength') }}
),

-- The population of the list: probably real, still there, no objection.
ranked as (
    select
        persons.person_id,
        coalesce(strengths.strength, 0) > 0 as has_strength,
        row_number() over (order by coalesce(strengths.strength, 0) desc, persons.person_id) as strength_place
    from persons
    cross join parameters
    left join strengths on persons.person_id = strengths.person_id
    where persons.p_real >= parameters.least_p_real and not persons.is_deleted and not persons.has_objected
),

rank_layers as (
    select
        persons.person_id,
        case
            when persons.is_deleted then 'every account is gone'
            when persons.has_objected then 'the person objected'
            when ranked.person_id is null then 'probably not a real person'
            when persons.is_new then 'the first event is too young'
        end as rank_layer_reason,
        case
            when not ranked.has_strength then 'L5'
            when ranked.strength_place <= parameters.layer_rank_support then 'L1'
            when ranked.strength_place <= parameters.layer_rank_sympathy then 'L2'
            when ranked.strength_place <= parameters.layer_rank_affinity then 'L3'
            when ranked.strength_place <= parameters.layer_rank_active then 'L4'
            else 'L5'
        end as place_layer,
        coalesce(ranked.has_strength and ranked.strength_place <= parameters.layer_rank_innermost, false) as is_among_first
    from persons
    cross join parameters
    left join ranked on persons.person_id = ranked.person_id
),

counts as (
    select
        person_id,
        count(case when direction = 'in' then 1 end) as in_event_count,
        count(case when direction = 'in' and is_conversational then 1 end) as in_conversational_count,
        count(case when direction = 'in' and kind = 'like' then 1 end) as in_like_count,
        count(case when direction = 'in' and kind = 'reshare' then 1 end) as in_reshare_count,
        count(case when direction = 'out' and is_conversational and not is_automated then 1 end) as out_event_count,
        count(case when direction = 'peer' then 1 end) as peer_event_count,
        max(case when direction = 'in' then event_at end) as last_in_at,
        max(case when direction = 'out' and is_conversational and not is_automated then event_at end) as last_out_at
    from events
    group by person_id
),

layered as (
    select
        layers.person_id,
        layers.layer,
        layers.layer_reason,
        layers.contact_frequency,
        case when rank_layers.rank_layer_reason is null then rank_layers.place_layer end as rank_layer,
        rank_layers.rank_layer_reason,
        rank_layers.rank_layer_reason is null and rank_layers.is_among_first as is_innermost
    from layers
    inner join rank_layers on layers.person_id = rank_layers.person_id
)

select
    persons.person_id,
    persons.display_name,
    persons.handle,
    persons.platform,
    persons.main_account_key as account_key,
    persons.profile_url,
    persons.platforms_text,
    persons.p_real_basis,
    ties.tie_class,
    layered.layer,
    layered.layer_reason,
    layered.rank_layer,
    layered.rank_layer_reason,
    case when coalesce(counts.in_conversational_count, 0) + coalesce(counts.out_event_count, 0) = 0 then 'no message either way' end as message_balance_reason,
    run.parameters_version,
    persons.account_count,
    coalesce(counts.in_event_count, 0) as in_event_count,
    coalesce(counts.in_conversational_count, 0) as in_conversational_count,
    coalesce(counts.in_like_count, 0) as in_like_count,
    coalesce(counts.in_reshare_count, 0) as in_reshare_count,
    coalesce(counts.out_event_count, 0) as out_event_count,
    coalesce(counts.peer_event_count, 0) as peer_event_count,
    coalesce(ties.in_message_count, 0) as tie_in_message_count,
    coalesce(ties.out_message_count, 0) as tie_out_message_count,
    {{ balance('counts.in_conversational_count', 'counts.out_event_count') }} as message_balance,
    persons.exchange_day_count,
    layered.contact_frequency,
    persons.p_real,
    persons.is_automated,
    persons.is_suspended,
    persons.is_deleted,
    persons.is_new,
    persons.has_objected,
    layered.is_innermost,
    -- Said of members only: whoever one of the two ways puts into L1 to L4.
    case
        when layered.layer is null or layered.rank_layer is null or (layered.layer = 'L5' and layered.rank_layer = 'L5') then cast(null as boolean)
        else layered.layer <> layered.rank_layer
    end as is_layer_disputed,
    run.as_of_date,
    persons.first_event_at,
    counts.last_in_at,
    counts.last_out_at,
    persons.first_exchange_at,
    persons.last_exchange_at
from persons
cross join run
left join counts on persons.person_id = counts.person_id
left join ties on persons.person_id = ties.person_id
left join layered on persons.person_id = layered.person_id
