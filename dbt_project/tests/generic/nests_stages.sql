{#- Each stage is a part of the one before: nobody stands in a later stage without the earlier one. One query for all steps. -#}
{% test nests_stages(model, stages) %}
select *
from {{ model }}
where
    {%- for stage in stages[1:] %}
    ({{ stage }} and not {{ stages[loop.index0] }}){{ ' or' if not loop.last }}
    {%- endfor %}
{% endtest %}
