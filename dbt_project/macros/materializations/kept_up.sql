{#- A table of which a build that stands on the one before makes anew only the rows of touched keys: they are deleted and inserted in one transaction.
    `touched_table`, `key` and `touched_by` say which keys are touched. From nothing it is a table like any other. -#}
{% materialization kept_up, adapter='duckdb', supported_languages=['sql'] %}
    {%- if not keeps_up() -%}
        {{ return(materialization_table_duckdb()) }}
    {%- endif -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- if load_cached_relation(this) is none -%}
        {% do exceptions.raise_compiler_error('the build before has left no ' ~ this ~ ': run `fifty transform` again, it will build from nothing') %}
    {%- endif -%}
    {%- set key = config.require('key') -%}
    {%- set touched = touched_relation() -%}
    {%- if config.get('touched_by') == 'rows and reads' -%}
        {%- set touched_keys = touched_by_reads(config.require('touched_table'), key) -%}
    {%- else -%}
        {%- set touched_keys = touched_by_rows(config.require('touched_table'), key) -%}
    {%- endif -%}

    {%- do run_query('create or replace temporary table ' ~ touched ~ ' as (' ~ touched_keys ~ ')') -%}
    {% call statement('main') -%}
        delete from {{ target_relation }} as kept using {{ touched }} as touched where {{ equal_columns('kept', 'touched', key) }};
        insert into {{ target_relation }} by name (
            {{ compiled_code }}
        );
    {%- endcall %}
    {%- do run_query('drop table ' ~ touched) -%}

    {{ adapter.commit() }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
