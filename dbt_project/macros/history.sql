{#- Why what was said is said otherwise than before (decision 0009), from what has been learnt since: events seen late, events taken back, loads rewritten.
    Nothing of these: a label, a stated identity or the configuration has changed. -#}
{% macro restated_cause(late_at, taken_back_at, said_at, rewritten_count) -%}
case
    when {{ late_at }} > {{ said_at }} then 'late data'
    when {{ taken_back_at }} > {{ said_at }} then 'correction'
    when {{ rewritten_count }} > 0 then 'erasure or expiry'
    else 'correction'
end
{%- endmacro %}
