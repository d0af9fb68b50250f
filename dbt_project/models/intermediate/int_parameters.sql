-- One row, one column per parameter, for a cross join wherever a value is needed.
-- depends_on: {{ ref('parameter_defaults') }}
{%- set names = [] -%}
{%- if execute -%}
    {%- set found = run_query('select parameter_name from ' ~ ref('parameter_defaults') ~ ' order by parameter_name') -%}
    {%- set names = found.columns[0].values() -%}
{%- endif %}
select
    {%- for name in names %}
    cast(max(case when parameter_name = '{{ name }}' then value end) as double) as {{ name }},
    {%- endfor %}
    cast(md5({{ collect_text('assignment') }}) as string) as parameters_version
from {{ ref('int_parameters_in_force') }}
