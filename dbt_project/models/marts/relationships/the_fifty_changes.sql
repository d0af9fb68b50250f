with run as (
    select * from {{ ref('int_run') }}
),

persons as (
    select * from {{ ref('int_persons') }}
),

listed as (
    select person_id, rank, strength from {{ ref('the_fifty') }}
),

listed_before as (
    select person_id, list_rank, strength, list_date from {{ ref('int_list_weeks') }} where weeks_back = 1
),

changed as (
    select
        listed.person_id,
        'joined' as change,
        listed.rank,
        cast(null as bigint) as previous_rank,
        listed.strength,
        cast(null as double) as previous_strength
    from listed
    left join listed_before on listed.person_id = listed_before.person_id
    where listed_before.person_id is null
    union all
    select
        listed_before.person_id,
        'left' as change,
        cast(null as bigint) as rank,
        listed_before.list_rank as previous_rank,
        strengths.strength,
        listed_before.strength as previous_strength
    from listed_before
    left join listed on listed_before.person_id = listed.person_id
    left join {{ ref('relationship_strength') }} as strengths on listed_before.person_id = strengths.person_id
    where listed.person_id is null
),

-- What was said since, by what strength counts: likes left out.
recent_days as (
    select
        days.person_id,
        count(distinct case when days.direction = 'in' and days.is_engaged then days.event_day end) as in_day_count,
        count(distinct case when days.direction = 'out' then days.event_day end) as out_day_count
    from {{ ref('int_interaction_days') }} as days
    cross join run
    inner join changed on days.person_id = changed.person_id
    where days.event_day > {{ add_days('run.as_of_date', '-7') }} and days.event_day <= run.as_of_date
    group by days.person_id
),

described as (
    select
        changed.*,
        persons.display_name,
        persons.handle,
        persons.platform,
        persons.profile_url,
        persons.is_deleted,
        words.last_in_at,
        words.last_in_url,
        coalesce(recent_days.in_day_count, 0) as in_day_count,
        coalesce(recent_days.out_day_count, 0) as out_day_count,
        case
            when persons.is_deleted then 'gone'
            when changed.change = 'joined' and cast(persons.first_event_at as date) > {{ add_days('run.as_of_date', '-7') }} then 'newcomer'
            when changed.change = 'joined' and coalesce(recent_days.in_day_count, 0) > 0 then 'talked'
            when changed.change = 'joined' and coalesce(recent_days.out_day_count, 0) > 0 then 'answered'
            when changed.change = 'joined' then 'others_fell'
            when coalesce(recent_days.in_day_count, 0) + coalesce(recent_days.out_day_count, 0) = 0 then 'silent'
            else 'overtaken'
        end as reason_code,
        run.as_of_date,
        {{ add_days('run.as_of_date', '-7') }} as previous_date,
        run.parameters_version
    from changed
    cross join run
    inner join persons on changed.person_id = persons.person_id
    left join recent_days on changed.person_id = recent_days.person_id
    left join {{ ref('int_last_words') }} as words on changed.person_id = words.person_id
)

-- Of whoever closed the account only the fact is told.
select
    person_id,
    case when not is_deleted then display_name end as display_name,
    case when not is_deleted then handle end as handle,
    platform,
    case when not is_deleted then profile_url end as profile_url,
    change,
    reason_code,
    case reason_code
        when 'gone' then 'Closed the account.'
        when 'newcomer' then 'Was first seen this week, and is already talking with you.'
        when 'talked' then 'Came to you on ' || cast(in_day_count as string) || case when in_day_count = 1 then ' day' else ' days' end || ' this week.'
        when 'answered' then 'You wrote to them this week.'
        when 'others_fell' then 'Said nothing this week; others have been silent for longer.'
        when 'silent' then 'Nothing was said between you this week, and strength fades.'
        else 'Talked with you this week, but others more.'
    end as reason_text,
    case when not is_deleted then last_in_url end as last_in_url,
    parameters_version,
    rank,
    previous_rank,
    strength,
    previous_strength,
    previous_date,
    as_of_date,
    last_in_at
from described
