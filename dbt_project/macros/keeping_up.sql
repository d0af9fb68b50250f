{#- Tables that are kept up: a build may stand on the one before it (fifty/building.py decides, decision 0011) and makes anew only the rows of touched keys.
    One SQL, two ranges: `of_touched` restricts what a model reads, and says nothing in a build from nothing. -#}

{#- Whether this build stands on the one before. -#}
{% macro keeps_up() -%}{{ return(run_value('build', 'from nothing') == 'added loads') }}{%- endmacro %}

{#- Loads that the build before has not read. -#}
{% macro added_loads() -%}
select accepted.load_id
from ({{ accepted_loads() }}) as accepted
left join {{ source('ops', 'built_loads') }} as built_loads on accepted.load_id = built_loads.load_id
where built_loads.load_id is null
{%- endmacro %}

{#- Keys of a staging table with a row in an added load: all other keys have the rows they had. -#}
{% macro touched_by_rows(table, key) -%}
select distinct {{ prefix_columns('staged', key) }}
from {{ source('staging', table) }} as staged
inner join ({{ added_loads() }}) as added on staged.load_id = added.load_id
{%- endmacro %}

{#- The same, and keys that ever stood in a scope which an added load has read whole: it may be the first read without them. -#}
{% macro touched_by_reads(table, key) -%}
{{ touched_by_rows(table, key) }}
union
select {{ prefix_columns('staged', key) }}
from {{ source('staging', table) }} as staged
inner join (
    select distinct reads.platform, reads.source_account_id, reads.scope_key
    from {{ ref('int_listing_reads') }} as reads
    inner join ({{ added_loads() }}) as added on reads.load_id = added.load_id
) as read_again
    on staged.platform = read_again.platform and staged.source_account_id = read_again.source_account_id and staged.scope_key = read_again.scope_key
{%- endmacro %}

{#- After `from`: the rows of touched keys only. -#}
{% macro of_touched(alias, key) -%}
{%- if keeps_up() -%}
inner join {{ touched_relation() }} as touched on {{ equal_columns(alias, 'touched', key) }}
{%- endif -%}
{%- endmacro %}

{#- The touched keys of this model, there while it is built. -#}
{% macro touched_relation() -%}{{ this.identifier }}__touched{%- endmacro %}

{#- A join's condition for keys of which a part may be NULL. -#}
{% macro equal_columns(left, right, columns) -%}
{%- for column in columns -%}{{ left }}.{{ column }} is not distinct from {{ right }}.{{ column }}{{ ' and ' if not loop.last }}{%- endfor -%}
{%- endmacro %}

{#- Before the first table changes: there is no finished build to stand on any more. fifty/transform.py has seen to it already; this is for work by hand. -#}
{% macro forget_build() -%}
{%- if execute and target.type == 'duckdb' and adapter.get_relation(target.database, 'ops', 'built') is not none -%}
    {%- do run_query('delete from ops.built') -%}
    {%- do adapter.commit() -%}
{%- endif -%}
{%- endmacro %}
