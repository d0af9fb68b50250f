{#- The columns are the key of the table: together unique, and none of them ever NULL. One query, whatever the number of columns. -#}
{% test identifies_rows(model, columns) %}
select {{ columns | join(', ') }}, count(*) as row_count
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1 {%- for column in columns %} or {{ column }} is null{% endfor %}
{% endtest %}
