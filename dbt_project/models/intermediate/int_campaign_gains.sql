-- One row per campaign whose 90 days are over: living relationships on the last of them against the day before it began (M7.5), by arm, with the interval
-- of a paired bootstrap by person: whoever lives on either day is drawn with both states.
with windows as (
    select windows.*
    from {{ ref('int_campaign_windows') }} as windows
    cross join {{ ref('int_parameters') }} as parameters
    where windows.as_of_day_number >= parameters.campaign_settled_days - 1
),

run as (
    select brand, as_of_date from {{ ref('int_run') }}
),

parameters as (
    select campaign_settled_days, bootstrap_replicates from {{ ref('int_parameters') }}
),

states as (
    select
        windows.campaign_id,
        spans.person_id,
        max(case when {{ add_days('windows.first_day', '-1') }} between spans.first_day and spans.last_day then 1 else 0 end) as living_before,
        max(case when {{ add_days('windows.first_day', 'parameters.campaign_settled_days - 1') }} between spans.first_day and spans.last_day then 1 else 0 end) as living_after
    from windows
    cross join parameters
    inner join {{ ref('int_living_spans') }} as spans
        on {{ add_days('windows.first_day', '-1') }} between spans.first_day and spans.last_day
        or {{ add_days('windows.first_day', 'parameters.campaign_settled_days - 1') }} between spans.first_day and spans.last_day
    group by windows.campaign_id, spans.person_id
),

armed as (
    select states.*, case when arms.person_id is not null then 'control' else 'treated' end as arm
    from states
    left join {{ ref('int_campaign_arms') }} as arms on states.campaign_id = arms.campaign_id and states.person_id = arms.person_id
),

strata as (
    select
        armed.campaign_id,
        armed.arm,
        cast(armed.living_after - armed.living_before as double) as value,
        count(*) as people_count,
        run.brand || '|' || cast(run.as_of_date as string) || '|campaign gain|' || armed.campaign_id || '|' || armed.arm as seed,
        parameters.bootstrap_replicates as replicate_count
    from armed
    cross join run
    cross join parameters
    group by armed.campaign_id, armed.arm, armed.living_after - armed.living_before, run.brand, run.as_of_date, parameters.bootstrap_replicates
),

replicates as (
    {{ bootstrap_sums('strata', ['campaign_id', 'arm']) }}
),

differences as (
    select campaign_id, replicate_number, sum(case when arm = 'treated' then drawn_sum else -drawn_sum end) as gain
    from replicates
    group by campaign_id, replicate_number
),

intervals as (
    select campaign_id, {{ percentile_low('gain') }} as gain_low, {{ percentile_high('gain') }} as gain_high
    from differences
    group by campaign_id
),

counts as (
    select
        windows.campaign_id,
        count(case when armed.arm = 'treated' and armed.living_before = 1 then 1 end) as treated_before_count,
        count(case when armed.arm = 'treated' and armed.living_after = 1 then 1 end) as treated_after_count,
        count(case when armed.arm = 'control' and armed.living_before = 1 then 1 end) as control_before_count,
        count(case when armed.arm = 'control' and armed.living_after = 1 then 1 end) as control_after_count
    from windows
    left join armed on windows.campaign_id = armed.campaign_id
    group by windows.campaign_id
)

select
    counts.*,
    cast((counts.treated_after_count - counts.treated_before_count) - (counts.control_after_count - counts.control_before_count) as bigint) as gain,
    cast(coalesce(intervals.gain_low, 0) as bigint) as gain_low,
    cast(coalesce(intervals.gain_high, 0) as bigint) as gain_high
from counts
left join intervals on counts.campaign_id = intervals.campaign_id
