-- One row per act of turning away from the brand before the as-of instant (M5.6), by a person who is probably real: unfollow, mute, block, report, unsubscribe.
-- An account that is gone has not unfollowed.
with persons as (
    select persons.person_id
    from {{ ref('int_persons') }} as persons
    cross join {{ ref('int_parameters') }} as parameters
    where persons.p_real >= parameters.least_p_real
),

run as (
    select as_of_at from {{ ref('int_run') }}
),

acts as (
    select event_id, platform, person_id, kind, event_at as pushed_at
    from {{ ref('int_interactions') }}
    where direction = 'in' and kind in ('mute', 'block', 'report', 'unsubscribe') and not is_deleted and not is_automated
    union all
    select event_id, platform, person_id, 'unfollow' as kind, deleted_at as pushed_at
    from {{ ref('int_interactions') }}
    where direction = 'in' and kind = 'follow' and is_deleted and deleted_at is not null and not is_automated
)

select acts.*
from acts
cross join run
inner join persons on acts.person_id = persons.person_id
where acts.pushed_at < run.as_of_at
