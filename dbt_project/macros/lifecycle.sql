{#- The stages of M9.1 by number; the first that holds is the stage. `gone` is no stage of a relationship: every account of the person is gone. -#}
{% macro lifecycle_stage(number) -%}
case {{ number }}
    when 1 then 'evangelist'
    when 2 then 'loyal'
    when 3 then 'conversing'
    when 4 then 'engaged'
    when 5 then 'aware'
    when 6 then 'dormant'
    when 7 then 'lapsed'
    when 8 then 'stranger'
    when 9 then 'gone'
end
{%- endmacro %}

{#- P(alive) of BG/NBD (Fader, Hardie & Lee 2005): x repeats, the last of them at t_x, T observed; all in weeks. 1 without a repeat. -#}
{% macro p_alive(repeats, last_repeat, observed, parameters) -%}
case
    when {{ repeats }} = 0 then cast(1 as double)
    else 1 / (
        1 + {{ parameters }}.bgnbd_a / ({{ parameters }}.bgnbd_b + {{ repeats }} - 1)
        * power(
            ({{ parameters }}.bgnbd_alpha + {{ observed }}) / ({{ parameters }}.bgnbd_alpha + {{ last_repeat }}),
            {{ parameters }}.bgnbd_r + {{ repeats }}
        )
    )
end
{%- endmacro %}

{#- Fifth of a place among others, 1 to 5: by percent_rank, so that equals are never torn apart (M9.4). `ordering` ends with the best. -#}
{% macro quintile(partition, ordering) -%}
cast(least(5, 1 + floor(5 * percent_rank() over (partition by {{ partition }} order by {{ ordering }}))) as bigint)
{%- endmacro %}
