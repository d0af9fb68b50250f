-- One row: by how many the living differ from one flow window ago, both as known now, and what chance alone would make of it (M11): people who lived at
-- either date are drawn with replacement, each with both states together. No interval where nobody lived at either.
with run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select flow_days, bootstrap_replicates from {{ ref('int_parameters') }}
),

spans as (
    select * from {{ ref('int_living_spans') }}
),

states as (
    select
        spans.person_id,
        max(case when run.as_of_date between spans.first_day and spans.last_day then 1 else 0 end) as is_now,
        max(case
            when {{ add_days('run.as_of_date', '-parameters.flow_days') }} between spans.first_day and spans.last_day then 1 else 0
        end) as was_then
    from spans
    cross join run
    cross join parameters
    group by spans.person_id
),

strata as (
    select
        'living' as sample_key,
        cast(states.is_now - states.was_then as double) as value,
        count(*) as people_count,
        max(run.brand || '|' || cast(run.as_of_date as string) || '|living change') as seed,
        max(cast(parameters.bootstrap_replicates as bigint)) as replicate_count
    from states
    cross join run
    cross join parameters
    where states.is_now + states.was_then > 0
    group by states.is_now - states.was_then
),

drawn as (
    {{ bootstrap_sums('strata', ['sample_key']) }}
),

ends as (
    select {{ percentile_low('drawn_sum') }} as change_low, {{ percentile_high('drawn_sum') }} as change_high from drawn
),

counted as (
    select cast(coalesce(sum(value * people_count), 0) as bigint) as change, cast(coalesce(sum(people_count), 0) as bigint) as people_count from strata
)

select
    counted.change,
    counted.people_count,
    cast(ends.change_low as bigint) as change_low,
    cast(ends.change_high as bigint) as change_high,
    ends.change_low > 0 or ends.change_high < 0 as is_real
from counted
cross join ends
