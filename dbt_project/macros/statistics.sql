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

{#- Working seconds before an instant, given the calendar row of its local date; NULL without working hours. -#}
{% macro business_clock(instant, day) -%}
case when {{ day }}.working_seconds is not null then
    {{ day }}.working_seconds_before + case
        when {{ day }}.opens_at is null or {{ instant }} <= {{ day }}.opens_at then 0
        when {{ instant }} >= {{ day }}.closes_at then {{ day }}.working_seconds
        else {{ seconds_between(day ~ '.opens_at', instant) }}
    end
end
{%- endmacro %}
