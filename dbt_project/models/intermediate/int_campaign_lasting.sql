-- One row per campaign old enough: what remains of it between day 60 and day 90 above the baseline (M7.3), with a block-bootstrap interval.
-- Whole weeks are drawn, because neighbouring days resemble each other; the days stand in a ring, so that each is drawn as often as any other.
with parameters as (
    select campaign_lasting_from, campaign_settled_days, bootstrap_replicates from {{ ref('int_parameters') }}
),

run as (
    select brand, as_of_date from {{ ref('int_run') }}
),

lasting as (
    select
        series.campaign_id,
        series.excess,
        series.is_other_campaign,
        row_number() over (partition by series.campaign_id order by series.day_number) as place,
        count(*) over (partition by series.campaign_id) as day_count,
        cast(parameters.campaign_settled_days - parameters.campaign_lasting_from + 1 as bigint) as wanted_count
    from {{ ref('int_campaign_series') }} as series
    cross join parameters
    where series.arm = 'treated' and series.baseline is not null
        and series.day_number between parameters.campaign_lasting_from and parameters.campaign_settled_days
),

whole as (
    select * from lasting where day_count = wanted_count
),

-- Sums of the seven days from each place on, and of the days that a last, shorter block takes.
blocks as (
    select
        starts.campaign_id,
        starts.place,
        starts.day_count,
        sum(cast(steps.excess as decimal(38, 18))) as week_excess,
        sum(case when mod(steps.place - starts.place + starts.day_count, starts.day_count) < mod(starts.day_count, 7)
            then cast(steps.excess as decimal(38, 18)) else cast(0 as decimal(38, 18)) end) as rest_excess
    from whole as starts
    inner join whole as steps
        on starts.campaign_id = steps.campaign_id and mod(steps.place - starts.place + starts.day_count, starts.day_count) < 7
    group by starts.campaign_id, starts.place, starts.day_count
),

sizes as (
    select
        campaign_id,
        max(day_count) as day_count,
        {{ exact_sum('excess') }} / max(day_count) as lasting_lift,
        count(case when is_other_campaign then 1 end) as lasting_other_day_count
    from whole
    group by campaign_id
),

replicates as (
    select sizes.campaign_id, sizes.day_count, {{ count_up(1, 'parameters.bootstrap_replicates') }} as replicate_number
    from sizes
    cross join parameters
),

draws as (
    select *, {{ count_up(1, 'ceil(day_count / cast(7 as double))') }} as block_number from replicates
),

seeded as (
    select
        draws.*,
        run.brand || '|' || cast(run.as_of_date as string) || '|lasting|' || draws.campaign_id || '|'
        || cast(draws.replicate_number as string) || '|' || cast(draws.block_number as string) as seed
    from draws
    cross join run
),

places as (
    select
        draws.*,
        cast(floor({{ hash_uniform('draws.seed') }} * draws.day_count) as bigint) + 1 as place
    from seeded as draws
),

drawn as (
    select
        places.campaign_id,
        places.replicate_number,
        cast(sum(case when places.block_number * 7 <= places.day_count then blocks.week_excess else blocks.rest_excess end) as double) / max(places.day_count) as mean_excess
    from places
    inner join blocks on places.campaign_id = blocks.campaign_id and places.place = blocks.place
    group by places.campaign_id, places.replicate_number
),

intervals as (
    select campaign_id, {{ percentile_low('mean_excess') }} as lasting_low, {{ percentile_high('mean_excess') }} as lasting_high
    from drawn
    group by campaign_id
)

select
    sizes.campaign_id,
    sizes.day_count,
    sizes.lasting_other_day_count,
    sizes.lasting_lift,
    intervals.lasting_low,
    intervals.lasting_high
from sizes
inner join intervals on sizes.campaign_id = intervals.campaign_id
