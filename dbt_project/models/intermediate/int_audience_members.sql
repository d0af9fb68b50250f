-- One row per population, platform (`all` for all of them) and person in it: who follows now, and who engaged within the living window.
-- On a platform a person stands for the account there, over all of them for the main account.
with followers as (
    select account_key from {{ ref('int_current_followers') }}
),

run as (
    select as_of_date from {{ ref('int_run') }}
),

parameters as (
    select living_window_days from {{ ref('int_parameters') }}
),

engaged as (
    select distinct events.account_key
    from {{ ref('int_interactions') }} as events
    cross join run
    cross join parameters
    where events.direction = 'in' and events.is_engaged and not events.is_deleted and not events.is_incentivised
        and events.event_day > {{ add_days('run.as_of_date', '-parameters.living_window_days') }}
),

members as (
    select person_id, account_key, platform from {{ ref('int_person_members') }} where not is_deleted
),

persons as (
    select person_id, main_account_key from {{ ref('int_persons') }} where not is_deleted
),

gathered as (
    select 'followers' as population, account_key from followers
    union all
    select 'engaged' as population, account_key from engaged
),

placed as (
    select gathered.population, members.platform, members.person_id, members.account_key
    from gathered
    inner join members on gathered.account_key = members.account_key
)

select population, platform, person_id, min(account_key) as account_key
from placed
group by population, platform, person_id
union all
select distinct placed.population, 'all' as platform, placed.person_id, persons.main_account_key as account_key
from placed
inner join persons on placed.person_id = persons.person_id
