with run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select living_window_days from {{ ref('int_parameters') }}
),

rewritten as (
    select count(*) as rewritten_count from {{ source('ops', 'loads') }} as loads where loads.manifest_revision > 1
),

said as (
    select history.*
    from {{ ref('stg_published_history') }} as history
    cross join run
    where history.history = 'living_relationships' and history.period_date <= run.as_of_date
),

last_said as (
    select ranked.*
    from (
        select said.*, row_number() over (partition by said.period_date order by said.revision desc) as recency
        from said
        inner join run on said.series = run.parameters_version
    ) as ranked
    where ranked.recency = 1
),

days as (
    select as_of_date as living_date, living_count, living_weighted, conversing_count, engaged_count
    from {{ ref('living_relationships_daily') }}
    where living_count is not null
),

learnt as (
    select event_day, max(last_seen_first_at) as last_seen_first_at, max(last_taken_back_at) as last_taken_back_at
    from {{ ref('int_knowledge_changes') }}
    group by event_day
),

differing as (
    select
        days.*,
        last_said.revision as said_revision,
        last_said.living_count as said_count,
        last_said.observed_at as said_at
    from days
    left join last_said on days.living_date = last_said.period_date
    where last_said.period_date is null
        or days.living_count <> last_said.living_count
        or days.conversing_count <> last_said.conversing_count
        or days.engaged_count <> last_said.engaged_count
),

-- Only what lies in the window of the day can have changed its number.
causes as (
    select differing.living_date, max(learnt.last_seen_first_at) as last_seen_first_at, max(learnt.last_taken_back_at) as last_taken_back_at
    from differing
    cross join parameters
    inner join learnt
        on learnt.event_day <= differing.living_date
        and learnt.event_day > {{ add_days('differing.living_date', '-parameters.living_window_days') }}
    where differing.said_revision is not null
    group by differing.living_date
),

rows_of_now as (
    select
        differing.living_date,
        run.parameters_version,
        coalesce(differing.said_revision + 1, 0) as revision,
        case when differing.said_revision is not null then
            {{ restated_cause('causes.last_seen_first_at', 'causes.last_taken_back_at', 'differing.said_at', 'rewritten.rewritten_count') }}
        end as restated_cause,
        differing.living_count,
        differing.living_weighted,
        differing.conversing_count,
        differing.engaged_count,
        run.as_of_date as said_as_of_date
    from differing
    cross join run
    cross join rewritten
    left join causes on differing.living_date = causes.living_date
),

all_rows as (
    select
        period_date as living_date, series as parameters_version, revision, cause as restated_cause, living_count, living_weighted, conversing_count,
        engaged_count, said_as_of_date
    from said
    union all
    select living_date, parameters_version, revision, restated_cause, living_count, living_weighted, conversing_count, engaged_count, said_as_of_date
    from rows_of_now
),

compared as (
    select
        *,
        lag(living_count) over (partition by living_date, parameters_version order by revision) as count_before,
        row_number() over (partition by living_date, parameters_version order by revision desc) as recency
    from all_rows
)

select
    compared.living_date,
    compared.parameters_version,
    cast(compared.revision as bigint) as revision,
    case when compared.revision = 0 then 'first' else 'restated' end as row_kind,
    compared.restated_cause,
    compared.living_count,
    compared.living_weighted,
    compared.living_count - compared.count_before as restated_count,
    compared.conversing_count,
    compared.engaged_count,
    compared.recency = 1 and compared.parameters_version = run.parameters_version as is_current,
    compared.parameters_version = run.parameters_version as is_current_series,
    compared.said_as_of_date,
    run.as_of_date
from compared
cross join run
