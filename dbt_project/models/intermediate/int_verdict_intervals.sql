-- One row per comparison of M8.1: sums of both groups as they are, and the bootstrap intervals of their difference and ratio.
with run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select bootstrap_replicates from {{ ref('int_parameters') }}
),

list_sizes as (
    select * from {{ ref('int_verdict_lists') }}
),

members as (
    select * from {{ ref('int_verdict_members') }}
),

value_strata as (
    select side, list_size, scaled_value as value, count(*) as people_count from members group by side, list_size, scaled_value
),

click_strata as (
    select side, list_size, cast(click_count as double) as value, count(*) as people_count
    from members
    where side in ('list', 'crowd')
    group by side, list_size, click_count
),

-- Without the person of the greatest value: one fewer in the highest stratum.
shortened_strata as (
    select
        value_strata.side,
        value_strata.list_size,
        value_strata.value,
        value_strata.people_count
        - case when value_strata.value = max(value_strata.value) over (partition by value_strata.side, value_strata.list_size) then 1 else 0 end as people_count
    from value_strata
),

samples as (
    select side || ' ' || cast(list_size as string) as sample_key, 'value' as outcome, value, people_count from value_strata
    union all
    select side || ' ' || cast(list_size as string) as sample_key, 'clicks' as outcome, value, people_count
    from click_strata
    where list_size = 0 or list_size in (select list_sizes.list_size from list_sizes where list_sizes.is_main)
    union all
    select side || ' ' || cast(list_size as string) || ' without its largest' as sample_key, 'value' as outcome, value, people_count
    from shortened_strata
    where people_count > 0 and (list_size = 0 or list_size in (select list_sizes.list_size from list_sizes where list_sizes.is_main))
),

-- Who has the same brand, day, group and length has the same draws: reruns agree.
seeded as (
    select
        samples.sample_key,
        samples.outcome,
        samples.value,
        samples.people_count,
        run.brand || '|' || cast(run.as_of_date as string) || '|' || samples.outcome || '|' || samples.sample_key as seed,
        cast(parameters.bootstrap_replicates as bigint) as replicate_count
    from samples
    cross join run
    cross join parameters
),

drawn as (
    {{ bootstrap_sums('seeded', ['sample_key', 'outcome']) }}
),

sample_sums as (
    select sample_key, outcome, {{ exact_sum('value * people_count') }} as value_sum, sum(people_count) as people_count, max(value) as largest_value
    from samples
    group by sample_key, outcome
),

comparisons as (
    select
        case when list_sizes.is_main then 'main' else 'list size' end as variant,
        'value' as outcome,
        list_sizes.list_size,
        'list' as list_side,
        'crowd' as crowd_side,
        'list ' || cast(list_sizes.list_size as string) as list_sample,
        'crowd 0' as crowd_sample
    from list_sizes
    union all
    select
        'without the largest of the list' as variant, 'value' as outcome, list_size, 'list' as list_side, 'crowd' as crowd_side,
        'list ' || cast(list_size as string) || ' without its largest' as list_sample, 'crowd 0' as crowd_sample
    from list_sizes
    where is_main
    union all
    select
        'without the largest of the crowd' as variant, 'value' as outcome, list_size, 'list' as list_side, 'crowd' as crowd_side,
        'list ' || cast(list_size as string) as list_sample, 'crowd 0 without its largest' as crowd_sample
    from list_sizes
    where is_main
    union all
    select
        'main' as variant, 'clicks' as outcome, list_size, 'list' as list_side, 'crowd' as crowd_side,
        'list ' || cast(list_size as string) as list_sample, 'crowd 0' as crowd_sample
    from list_sizes
    where is_main
    union all
    select
        'followers' as variant, 'value' as outcome, list_size, 'list' as list_side, 'followers' as crowd_side,
        'list ' || cast(list_size as string) as list_sample, 'followers 0' as crowd_sample
    from list_sizes
    where is_main
    union all
    select
        'evangelists' as variant, 'value' as outcome, cast(0 as bigint) as list_size, 'evangelists' as list_side, 'other followers' as crowd_side,
        'evangelists 0' as list_sample, 'other followers 0' as crowd_sample
    from list_sizes
    where is_main
),

replicates as (
    select
        comparisons.variant,
        comparisons.outcome,
        comparisons.list_size,
        of_list.drawn_sum - of_crowd.drawn_sum as difference,
        -- How many like those on the list are worth as much as the crowd; without any value on the list no number is enough.
        case
            when of_list.drawn_sum > 0 then of_crowd.drawn_sum / (of_list.drawn_sum / list_sums.people_count)
            when of_crowd.drawn_sum > 0 then cast(1e300 as double)
        end as break_even,
        case
            when of_crowd.drawn_sum > 0 then (of_list.drawn_sum / list_sums.people_count) / (of_crowd.drawn_sum / crowd_sums.people_count)
            when of_list.drawn_sum > 0 then cast(1e300 as double)
        end as per_head_ratio
    from comparisons
    inner join sample_sums as list_sums on comparisons.list_sample = list_sums.sample_key and comparisons.outcome = list_sums.outcome
    inner join sample_sums as crowd_sums on comparisons.crowd_sample = crowd_sums.sample_key and comparisons.outcome = crowd_sums.outcome
    inner join drawn as of_list on comparisons.list_sample = of_list.sample_key and comparisons.outcome = of_list.outcome
    inner join drawn as of_crowd
        on comparisons.crowd_sample = of_crowd.sample_key and comparisons.outcome = of_crowd.outcome
        and of_list.replicate_number = of_crowd.replicate_number
),

intervals as (
    select
        variant,
        outcome,
        list_size,
        count(*) as replicate_count,
        {{ percentile_low('round(difference, 9)') }} as difference_low,
        {{ percentile_high('round(difference, 9)') }} as difference_high,
        {{ share('count(case when round(difference, 9) <= 0 then 1 end)', 'count(*)') }} as not_more_share,
        {{ percentile_low('round(break_even, 9)') }} as break_even_low,
        {{ percentile_high('round(break_even, 9)') }} as break_even_high,
        {{ percentile_low('round(per_head_ratio, 9)') }} as per_head_ratio_low,
        {{ percentile_high('round(per_head_ratio, 9)') }} as per_head_ratio_high
    from replicates
    group by variant, outcome, list_size
)

select
    comparisons.variant,
    comparisons.outcome,
    comparisons.list_size,
    comparisons.list_side,
    comparisons.crowd_side,
    list_sums.value_sum as list_sum,
    crowd_sums.value_sum as crowd_sum,
    cast(list_sums.people_count as bigint) as list_people_count,
    cast(crowd_sums.people_count as bigint) as crowd_people_count,
    case when list_sums.value_sum > 0 then list_sums.largest_value / list_sums.value_sum end as list_largest_share,
    case when crowd_sums.value_sum > 0 then crowd_sums.largest_value / crowd_sums.value_sum end as crowd_largest_share,
    intervals.replicate_count,
    intervals.difference_low,
    intervals.difference_high,
    intervals.not_more_share,
    nullif(intervals.break_even_low, cast(1e300 as double)) as break_even_low,
    nullif(intervals.break_even_high, cast(1e300 as double)) as break_even_high,
    nullif(intervals.per_head_ratio_low, cast(1e300 as double)) as per_head_ratio_low,
    nullif(intervals.per_head_ratio_high, cast(1e300 as double)) as per_head_ratio_high
from comparisons
left join sample_sums as list_sums on comparisons.list_sample = list_sums.sample_key and comparisons.outcome = list_sums.outcome
left join sample_sums as crowd_sums on comparisons.crowd_sample = crowd_sums.sample_key and comparisons.outcome = crowd_sums.outcome
left join intervals
    on comparisons.variant = intervals.variant and comparisons.outcome = intervals.outcome and comparisons.list_size = intervals.list_size
