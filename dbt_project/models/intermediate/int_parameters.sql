-- One row, one column per parameter, for a cross join wherever a value is needed.
select
    {%- for name in parameter_names() %}
    cast(max(case when parameter_name = '{{ name }}' then value end) as double) as {{ name }},
    {%- endfor %}
    cast(md5({{ collect_text('assignment') }}) as string) as parameters_version
from {{ ref('int_parameters_in_force') }}
