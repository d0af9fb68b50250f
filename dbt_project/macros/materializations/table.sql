{#- A table on DuckDB, replaced where it stands in one statement and one transaction. dbt's own builds beside, renames twice and drops, which for
    hundred small tables cost more than their queries. Nobody reads while a transform runs: what is published is a copy. Hooks, grants and
    indexes, which no model here has, are left out.
    `joins_as_written`: of each join the right side is held in memory and the left one streams by. By itself DuckDB holds the side it believes to be smaller,
    and after some filters believes the events to be few: ten million of them do not fit. The setting is one for all models at work; it changes no result. -#}
{% materialization table, adapter='duckdb', supported_languages=['sql'] %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing_relation = load_cached_relation(this) -%}
    {%- if existing_relation is not none and not existing_relation.is_table -%}
        {% do adapter.drop_relation(existing_relation) %}
    {%- endif -%}

    {%- if config.get('joins_as_written') -%}
        {%- do run_query("set disabled_optimizers = 'build_side_probe_side'") -%}
    {%- endif -%}
    {% call statement('main') -%}
        {%- if config.get('contract').enforced -%}
            {{ get_assert_columns_equivalent(compiled_code) }}
            create or replace table {{ target_relation }} {{ get_table_columns_and_constraints() }};
            insert into {{ target_relation }} {{ get_column_names() }} (
                {{ get_select_subquery(compiled_code) }}
            );
        {%- else -%}
            create or replace table {{ target_relation }} as (
                {{ compiled_code }}
            );
        {%- endif -%}
    {%- endcall %}
    {%- if config.get('joins_as_written') -%}
        {%- do run_query("reset disabled_optimizers") -%}
    {%- endif -%}

    {% do persist_docs(target_relation, model) %}
    {{ adapter.commit() }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
