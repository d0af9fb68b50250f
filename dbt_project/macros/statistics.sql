{#- Ends of the Wilson 95 % interval (specification, section 1); NULL for an empty denominator. -#}
{% macro wilson_end(numerator, denominator, sign) -%}
round(
    case when {{ denominator }} > 0 then
        least(greatest(
            (cast({{ numerator }} as double) / {{ denominator }} + 1.920729440648e0 / {{ denominator }}
            {{ sign }} 1.959964e0 * sqrt(greatest(
                cast({{ numerator }} as double) / {{ denominator }} * (1 - cast({{ numerator }} as double) / {{ denominator }}) / {{ denominator }}
                + 0.960364720324e0 / {{ denominator }} / {{ denominator }}, 0e0)))
            / (1 + 3.841458881296e0 / {{ denominator }}), 0e0), 1e0)
    end, 9)
{%- endmacro %}

{% macro wilson_low(numerator, denominator) -%}{{ wilson_end(numerator, denominator, '-') }}{%- endmacro %}
{% macro wilson_high(numerator, denominator) -%}{{ wilson_end(numerator, denominator, '+') }}{%- endmacro %}

{#- A share, rounded as published; NULL for an empty denominator. -#}
{% macro share(numerator, denominator) -%}round(cast({{ numerator }} as double) / nullif({{ denominator }}, 0), 9){%- endmacro %}

{#- Working microseconds before an instant, given the calendar row of its local date; NULL without working hours.
    Cut to seconds only after subtracting: two cuts could make the working time longer than the time. -#}
{% macro business_clock(instant, day) -%}
case when {{ day }}.working_seconds is not null then
    {{ day }}.working_seconds_before * 1000000 + case
        when {{ day }}.opens_at is null or {{ instant }} <= {{ day }}.opens_at then 0
        when {{ instant }} >= {{ day }}.closes_at then {{ day }}.working_seconds * 1000000
        else {{ micros_between(day ~ '.opens_at', instant) }}
    end
end
{%- endmacro %}

{#- Counted events of the people known now, decayed to a day (M2.4): by default the as-of date, or the day on which the person's accounts went.
    `reference_date` may name persons, parameters and run. Exact daily sums are stored, decay happens when they are read: nothing floating is ever rolled forward. -#}
{% macro decayed_events(reference_date='persons.reference_date') -%}
select
    days.*,
    {{ days_between('days.event_day', reference_date) }} as age_days,
    cast(
        days.weight * power(cast(2 as double), -{{ days_between('days.event_day', reference_date) }} / parameters.strength_half_life_days)
    as double) as decayed_weight
from {{ ref('int_interaction_days') }} as days
cross join {{ ref('int_parameters') }} as parameters
cross join {{ ref('int_run') }} as run
inner join {{ ref('int_persons') }} as persons on days.person_id = persons.person_id
where days.event_day <= {{ reference_date }}
{%- endmacro %}

{#- Relationship strength S of each person in a relation of decayed events, with its parts (M2.4).
    A relation with several days a person names them in `key` too. -#}
{% macro strength_scores(events, key=['person_id']) -%}
with summed as (
    select
        {{ key | join(', ') }},
        coalesce({{ exact_sum("case when direction = 'in' and kind = 'like' then decayed_weight end") }}, 0) as like_sum,
        coalesce({{ exact_sum("case when direction = 'in' and kind <> 'like' then decayed_weight end") }}, 0) as other_sum,
        coalesce({{ exact_sum("case when direction = 'out' then decayed_weight end") }}, 0) as out_sum,
        count(case when direction = 'in' then 1 end) as in_event_count,
        count(case when direction = 'out' then 1 end) as out_event_count,
        count(case when direction = 'in' and is_engaged then 1 end) as engaged_in_event_count,
        max(case when direction = 'in' then event_at end) as last_in_at,
        max(case when direction = 'out' then event_at end) as last_out_at
    from {{ events }}
    group by {{ key | join(', ') }}
),

scored as (
    {{ strength_of_sums('summed') }}
)

select * from scored
{%- endmacro %}

{#- The same of a relation that holds the decayed sums (like_sum, other_sum, out_sum) and engaged_in_event_count: the one place where the formula stands. -#}
{% macro strength_of_sums(sums) -%}
with capped as (
    select
        sums.*,
        sums.other_sum + least(sums.like_sum, parameters.like_cap) as strength_in,
        case when sums.like_sum > 0 then least(cast(1 as double), parameters.like_cap / sums.like_sum) end as like_factor,
        (1 + parameters.out_factor)
        / (1 - power(cast(2 as double), -parameters.saturation_contact_days / parameters.strength_half_life_days)) as saturation,
        parameters.out_factor,
        parameters.balance_floor
    from {{ sums }} as sums
    cross join {{ ref('int_parameters') }} as parameters
),

balanced as (
    select
        *,
        strength_in + out_factor * out_sum as strength_volume,
        2 * least(strength_in, out_sum) / nullif(strength_in + out_sum, 0) as balance
    from capped
)

select
    *,
    case
        when engaged_in_event_count = 0 then cast(0 as double)
        else coalesce(round(
            100 * strength_volume / nullif(strength_volume + saturation, 0)
            * (balance_floor + (1 - balance_floor) * coalesce(balance, 0)), 12
        ), cast(0 as double))
    end as strength
from balanced
{%- endmacro %}

{#- Dyadic balance (M2.2): 0 a monologue, 1 even, NULL where nobody said anything. -#}
{% macro balance(in_count, out_count) -%}
round(cast(2 * least({{ in_count }}, {{ out_count }}) as double) / nullif({{ in_count }} + {{ out_count }}, 0), 9)
{%- endmacro %}

{#- Days with an exchange a year, over the whole days since the first (M3.1). -#}
{% macro contact_frequency(exchange_days, known_days) -%}
round(cast({{ exchange_days }} as double) * cast(365.25 as double) / nullif({{ known_days }}, 0), 9)
{%- endmacro %}

{#- Layer of a contact frequency (M3.2): L1 support to L4 active, L5 outside; NULL without a frequency. -#}
{% macro contact_layer(frequency, parameters) -%}
case
    when {{ frequency }} >= {{ parameters }}.layer_frequency_support then 'L1'
    when {{ frequency }} >= {{ parameters }}.layer_frequency_sympathy then 'L2'
    when {{ frequency }} >= {{ parameters }}.layer_frequency_affinity then 'L3'
    when {{ frequency }} >= {{ parameters }}.layer_frequency_active then 'L4'
    when {{ frequency }} is not null then 'L5'
end
{%- endmacro %}

{#- A double in [0, 1) made of the first 52 bits of md5: equal on both engines, and exact in a double. -#}
{% macro hash_uniform(text) -%}
(cast({{ hex_to_number('substr(md5(' ~ text ~ '), 1, 13)') }} as double) / cast(4503599627370496 as double))
{%- endmacro %}

{#- Kaplan–Meier (M4.3) per group: one row per distinct `time`; `survival` is the share to whom it had not happened after that time.
    `event` is a boolean column: it happened at `time`; false: nothing is known after `time`. Events come before censorings of the same time.
    Rounded to 12 places, or a survival of exactly one half is missed. Columns: the group, the time, event_count, at_risk_count, survival, greenwood_sum. -#}
{% macro survival_curve(relation, group, time, event) -%}
{%- set group_columns = group | join(', ') -%}
select
    {{ group_columns }},
    {{ time }},
    cast(event_count as bigint) as event_count,
    cast(at_risk_count as bigint) as at_risk_count,
    round(case
        -- Nobody is at risk any more after this, so it is the last time of its group.
        when at_risk_count = event_count then cast(0 as double)
        else exp(cast(sum(log_factor) over so_far as double))
    end, 12) as survival,
    cast(sum(greenwood_term) over so_far as double) as greenwood_sum
from (
    select
        *,
        case when event_count > 0 and event_count < at_risk_count
            then cast(ln(1 - cast(event_count as double) / at_risk_count) as decimal(38, 18))
            else cast(0 as decimal(38, 18))
        end as log_factor,
        case when event_count > 0 and event_count < at_risk_count
            then cast(cast(event_count as double) / (cast(at_risk_count as double) * (at_risk_count - event_count)) as decimal(38, 18))
            else cast(0 as decimal(38, 18))
        end as greenwood_term
    from (
        select
            *,
            sum(ended_count) over (partition by {{ group_columns }})
            - sum(ended_count) over (partition by {{ group_columns }} order by {{ time }} rows between unbounded preceding and current row)
            + ended_count as at_risk_count
        from (
            select {{ group_columns }}, {{ time }}, count(case when {{ event }} then 1 end) as event_count, count(*) as ended_count
            from {{ relation }}
            group by {{ group_columns }}, {{ time }}
        ) as ties
    ) as at_risk
) as logged
window so_far as (partition by {{ group_columns }} order by {{ time }} rows between unbounded preceding and current row)
{%- endmacro %}

{#- Log-rank test of two arms (M4.3, M7.4), one row per group: `arm` is a boolean column, true for the arm whose events are observed and expected.
    Columns: the group, observed_count, expected_count, expected_variance, chi_square (one degree of freedom; 3.841459 is the 5 % point), NULL where no event tells
    the arms apart. -#}
{% macro log_rank(relation, group, arm, time, event) -%}
{%- set group_columns = group | join(', ') -%}
select
    {{ group_columns }},
    cast(sum(arm_event_count) as bigint) as observed_count,
    round({{ exact_sum('expected_term') }}, 12) as expected_count,
    round({{ exact_sum('variance_term') }}, 12) as expected_variance,
    round(
        power(sum(arm_event_count) - {{ exact_sum('expected_term') }}, 2) / nullif({{ exact_sum('variance_term') }}, 0)
    , 9) as chi_square
from (
    select
        *,
        cast(event_count as double) * arm_at_risk_count / at_risk_count as expected_term,
        case when at_risk_count > 1
            then cast(event_count as double) * (cast(arm_at_risk_count as double) / at_risk_count) * (1 - cast(arm_at_risk_count as double) / at_risk_count)
                * (at_risk_count - event_count) / (at_risk_count - 1)
            else cast(0 as double)
        end as variance_term
    from (
        select
            *,
            sum(ended_count) over (partition by {{ group_columns }} order by {{ time }} desc) as at_risk_count,
            sum(arm_ended_count) over (partition by {{ group_columns }} order by {{ time }} desc) as arm_at_risk_count
        from (
            select
                {{ group_columns }},
                {{ time }},
                count(case when {{ event }} then 1 end) as event_count,
                count(*) as ended_count,
                count(case when {{ event }} and {{ arm }} then 1 end) as arm_event_count,
                count(case when {{ arm }} then 1 end) as arm_ended_count
            from {{ relation }}
            group by {{ group_columns }}, {{ time }}
        ) as ties
    ) as at_risk
) as terms
group by {{ group_columns }}
{%- endmacro %}

{#- Ends of the percentile interval of a bootstrap, an aggregate over its replicates: always a value that was drawn, never one between two. -#}
{% macro percentile_low(value) -%}percentile_disc(0.025) within group (order by {{ value }}){%- endmacro %}
{% macro percentile_high(value) -%}percentile_disc(0.975) within group (order by {{ value }}){%- endmacro %}

{#- How far a sum over people would move if other people had come (a standard deviation): the bootstrap by person in closed form, each person drawn a Poisson number
    of times, so that the number of people moves, too. For tables of many sums, where drawing would cost more than the sums (decision 0010). An aggregate over
    one row per person. -#}
{% macro sum_deviation(person_value) -%}sqrt(cast({{ exact_sum(person_value ~ ' * ' ~ person_value) }} as double)){%- endmacro %}

{#- Ends of the 95 % interval of a sum; of amounts none of which is below 0 the sum is not, either. -#}
{% macro sum_low(total, deviation) -%}
case when {{ deviation }} is not null then greatest({{ total }} - 1.959964e0 * {{ deviation }}, least({{ total }}, 0)) end
{%- endmacro %}
{% macro sum_high(total, deviation) -%}{{ total }} + 1.959964e0 * {{ deviation }}{%- endmacro %}

{#- Bootstrap of sums: in each replicate as many people as a group has are drawn from it with replacement, and their values summed. Exactly multinomial.
    `strata` has one row per group and value (more are added up): the group's columns, `value`, `people_count`, and, the same in all rows of a group, `seed` (text) and
    `replicate_count`. Fifty thousand zeros are one row, and cost nothing: how many draws fall on people whose value is not zero is one binomial number, found by the
    inverse of its distribution; only these draws are made. Every number comes from md5 of the seed, so that reruns and engines agree.
    Columns: the group, replicate_number, drawn_sum. -#}
{% macro bootstrap_sums(strata, group) -%}
{%- set group_columns = group | join(', ') -%}
with strata_values as (
    select {{ group_columns }}, seed, replicate_count, cast(value as decimal(38, 18)) as value, cast(sum(people_count) as bigint) as people_count
    from {{ strata }}
    group by {{ group_columns }}, seed, replicate_count, cast(value as decimal(38, 18))
),

sizes as (
    select
        {{ group_columns }},
        seed,
        replicate_count,
        cast(sum(people_count) as bigint) as people_count,
        cast(coalesce(sum(case when value <> 0 then people_count end), 0) as bigint) as valued_count
    from strata_values
    group by {{ group_columns }}, seed, replicate_count
),

-- Twelve standard deviations and a dozen on each side of the mean: what lies beyond has a chance below 1e-30.
bounds as (
    select
        *,
        case
            when valued_count in (0, people_count) then valued_count
            else cast(greatest(0, floor(valued_count - 12 - 12 * sqrt(valued_count * (1 - cast(valued_count as double) / people_count)))) as bigint)
        end as least_drawn,
        case
            when valued_count in (0, people_count) then valued_count
            else cast(least(people_count, ceil(valued_count + 24 + 12 * sqrt(valued_count * (1 - cast(valued_count as double) / people_count)))) as bigint)
        end as most_drawn
    from sizes
),

outcomes as (
    select {{ group_columns }}, people_count, valued_count, least_drawn, {{ count_up('least_drawn', 'most_drawn') }} as drawn_count
    from bounds
),

-- The chance of each number relative to the first, by the ratio of neighbours; logarithms, because the first can be too small for a double.
chances as (
    select
        *,
        sum(cast(case
            when drawn_count = least_drawn then 0
            else ln(
                cast(people_count - drawn_count + 1 as double) / drawn_count
                * (cast(valued_count as double) / nullif(people_count - valued_count, 0))
            )
        end as decimal(38, 18))) over (partition by {{ group_columns }} order by drawn_count) as log_chance
    from outcomes
),

weights as (
    select
        *,
        cast(exp(cast(log_chance - max(log_chance) over (partition by {{ group_columns }}) as double)) as decimal(38, 18)) as weight
    from chances
),

distribution as (
    select
        {{ group_columns }},
        drawn_count,
        round(
            cast(sum(weight) over (partition by {{ group_columns }} order by drawn_count) as double)
            / cast(sum(weight) over (partition by {{ group_columns }}) as double)
        , 15) as up_to
    from weights
),

steps as (
    select
        *,
        coalesce(lag(up_to) over (partition by {{ group_columns }} order by drawn_count), 0) as above
    from distribution
),

replicates as (
    select {{ group_columns }}, seed, valued_count, {{ count_up(1, 'replicate_count') }} as replicate_number
    from sizes
),

chosen as (
    select *, {{ hash_uniform("seed || '|' || cast(replicate_number as string)") }} as chance from replicates
),

counted as (
    select {{ prefix_columns('chosen', group) }}, chosen.seed, chosen.valued_count, chosen.replicate_number, steps.drawn_count
    from chosen
    inner join steps on {{ same_columns('chosen', 'steps', group) }} and chosen.chance >= steps.above and chosen.chance < steps.up_to
),

-- One md5 serves three draws of 40 bits each.
digests as (
    select
        {{ prefix_columns('numbered', group) }},
        numbered.replicate_number,
        numbered.valued_count,
        numbered.drawn_count,
        numbered.digest_number,
        md5(numbered.seed || '|' || cast(numbered.replicate_number as string) || '|' || cast(numbered.digest_number as string)) as digest
    from (
        select *, {{ count_up(1, 'ceil(cast(drawn_count as double) / 3)') }} as digest_number
        from counted
        where drawn_count > 0
    ) as numbered
),

draws as (
    select
        {{ group_columns }},
        replicate_number,
        cast(floor({{ hex_to_number('substr(digest, part * 10 - 9, 10)') }} * cast(valued_count as double) / cast(1099511627776 as double)) as bigint) + 1 as place
    from (select *, {{ count_up(1, 3) }} as part from digests) as parts
    where digest_number * 3 - 3 + part <= drawn_count
),

-- The people with a value stand in a row, stratum by stratum; a draw is a place in it.
places as (
    select
        {{ group_columns }},
        value,
        {{ count_up('last_place - people_count + 1', 'last_place') }} as place
    from (
        select *, cast(sum(people_count) over (partition by {{ group_columns }} order by value) as bigint) as last_place
        from strata_values
        where value <> 0
    ) as standing
),

drawn as (
    select {{ prefix_columns('draws', group) }}, draws.replicate_number, cast(sum(places.value) as double) as drawn_sum
    from draws
    inner join places on {{ same_columns('draws', 'places', group) }} and draws.place = places.place
    group by {{ prefix_columns('draws', group) }}, draws.replicate_number
)

select {{ prefix_columns('replicates', group) }}, replicates.replicate_number, coalesce(drawn.drawn_sum, cast(0 as double)) as drawn_sum
from replicates
left join drawn on {{ same_columns('replicates', 'drawn', group) }} and replicates.replicate_number = drawn.replicate_number
{%- endmacro %}

{#- Concentration of a quantity over everybody, zeros included (M8.2). `strata` has one row per group and value (more are added up): the group's columns, `value`,
    `people_count` and, the same in all rows of a group, `majority`. Columns: the group, member_count, zero_count, total, gini, top_1_share, top_10_share, top_50_share, majority_count (the smallest number of
    members who together hold that share of the total), lorenz_10_share … lorenz_90_share (what the lowest tenth … nine tenths hold).
    Of a total of 0, or with values below 0, every share is NULL: there is nothing to divide. -#}
{% macro concentration(strata, group) -%}
{%- set group_columns = group | join(', ') -%}
with value_counts as (
    select {{ group_columns }}, majority, cast(value as double) as value, cast(sum(people_count) as bigint) as people_count
    from {{ strata }}
    group by {{ group_columns }}, majority, cast(value as double)
),

placed as (
    select
        *,
        cast(value as decimal(38, 18)) * people_count as stratum_value,
        sum(people_count) over (partition by {{ group_columns }}) as member_count,
        sum(people_count) over (partition by {{ group_columns }} order by value) - people_count as below_count,
        sum(cast(value as decimal(38, 18)) * people_count) over (partition by {{ group_columns }}) as total,
        min(value) over (partition by {{ group_columns }}) as least_value
    from value_counts
),

standing as (
    select
        *,
        cast(member_count - below_count - people_count as bigint) as above_count,
        cast(sum(stratum_value) over (partition by {{ group_columns }} order by value desc) - stratum_value as double) as above_value,
        case when total > 0 and least_value >= 0 then cast(total as double) end as divided_total
    from placed
)

select
    {{ group_columns }},
    cast(max(member_count) as bigint) as member_count,
    cast(coalesce(sum(case when value = 0 then people_count end), 0) as bigint) as zero_count,
    cast(max(total) as double) as total,
    round(
        2 * {{ exact_sum('value * people_count / divided_total * (2 * below_count + people_count + 1) / 2 / member_count') }}
        - (max(member_count) + 1) / cast(max(member_count) as double)
    , 9) as gini,
    {%- for count in [1, 10, 50] %}
    round({{ exact_sum('value * greatest(least(' ~ count ~ ' - above_count, people_count), 0) / divided_total') }}, 9) as top_{{ count }}_share,
    {%- endfor %}
    cast(max(case
        when above_value < majority * divided_total and above_value + cast(stratum_value as double) >= majority * divided_total
            then above_count + ceil(round((majority * divided_total - above_value) / value, 9))
    end) as bigint) as majority_count
    {%- for tenth in range(1, 10) %},
    round({{ exact_sum('value * greatest(least(' ~ tenth ~ ' * member_count / cast(10 as double) - below_count, people_count), 0) / divided_total') }}, 9) as lorenz_{{ tenth * 10 }}_share
    {%- endfor %}
from standing
group by {{ group_columns }}
{%- endmacro %}

{#- Rank correlation after Spearman, one row per group, over the rows of `relation` in which neither `first` nor `second` is NULL; ties share the mean of their ranks.
    Columns: the group, pair_count, rho, rho_low, rho_high: the 95 % interval after Bonett & Wright (2000), by Fisher's z with variance (1 + rho²/2) / (n − 3).
    NULL where fewer than four pairs are there, or one side is the same for all. -#}
{% macro spearman(relation, group, first, second) -%}
{%- set group_columns = group | join(', ') -%}
select
    {{ group_columns }},
    pair_count,
    rho,
    round(least(rho, case when rho is not null then (exp(2 * (fisher - reach)) - 1) / (exp(2 * (fisher - reach)) + 1) end), 9) as rho_low,
    round(greatest(rho, case when rho is not null then (exp(2 * (fisher + reach)) - 1) / (exp(2 * (fisher + reach)) + 1) end), 9) as rho_high
from (
    select
        *,
        -- Order without a fault has no z; this is as near as makes no difference.
        ln((1 + greatest(least(rho, 0.999999e0), -0.999999e0)) / (1 - greatest(least(rho, 0.999999e0), -0.999999e0))) / 2 as fisher,
        1.959964e0 * sqrt((1 + rho * rho / 2) / nullif(greatest(pair_count - 3, 0), 0)) as reach
    from (
        select
            {{ group_columns }},
            count(*) as pair_count,
            -- Where all are alike the products below differ by rounding alone, to either side of 0.
            case when count(*) > 3 and min(first_rank) < max(first_rank) and min(second_rank) < max(second_rank) then
                round(
                    (count(*) * {{ exact_sum('first_rank * second_rank') }} - {{ exact_sum('first_rank') }} * {{ exact_sum('second_rank') }})
                    / nullif(
                        sqrt(greatest(count(*) * {{ exact_sum('first_rank * first_rank') }} - {{ exact_sum('first_rank') }} * {{ exact_sum('first_rank') }}, 0e0))
                        * sqrt(greatest(count(*) * {{ exact_sum('second_rank * second_rank') }} - {{ exact_sum('second_rank') }} * {{ exact_sum('second_rank') }}, 0e0))
                    , 0)
                , 9)
            end as rho
        from (
            select
                {{ group_columns }},
                rank() over (partition by {{ group_columns }} order by {{ first }} nulls last)
                + (count(*) over (partition by {{ group_columns }}, {{ first }}) - 1) / cast(2 as double) as first_rank,
                rank() over (partition by {{ group_columns }} order by {{ second }} nulls last)
                + (count(*) over (partition by {{ group_columns }}, {{ second }}) - 1) / cast(2 as double) as second_rank
            from {{ relation }}
            where {{ first }} is not null and {{ second }} is not null
        ) as ranked
        group by {{ group_columns }}
    ) as correlated
) as transformed
{%- endmacro %}
