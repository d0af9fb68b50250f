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

{#- Counted events of today's people, decayed to the as-of date, or to the day on which the person's accounts went (M2.4).
    Exact daily sums are stored, decay happens when they are read: nothing floating is ever rolled forward. -#}
{% macro decayed_events() -%}
select
    days.*,
    {{ days_between('days.event_day', 'persons.reference_date') }} as age_days,
    cast(
        days.weight * power(cast(2 as double), -{{ days_between('days.event_day', 'persons.reference_date') }} / parameters.strength_half_life_days)
    as double) as decayed_weight
from {{ ref('int_interaction_days') }} as days
cross join {{ ref('int_parameters') }} as parameters
inner join {{ ref('int_persons') }} as persons on days.person_id = persons.person_id
where days.event_day <= persons.reference_date
{%- endmacro %}
