{#- A text as an SQL literal. -#}
{% macro text_literal(text) -%}'{{ (text | string).replace("'", "''") }}'{%- endmacro %}

{#- One row per mart with what its YAML says of it: a select over literals, in the order of their names. The YAML is the one place where it is written;
    docs/handbook.md is made of the same. -#}
{% macro mart_pages() -%}
{%- set pages = [] -%}
{%- if execute -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.fqn[1] == 'marts' -%}
        {%- do pages.append(node) -%}
    {%- endfor -%}
{%- endif -%}
{%- for node in pages | sort(attribute='name') | sort(attribute='schema') %}
{%- set meta = node.config.meta %}
select
    cast({{ text_literal(node.schema ~ '.' ~ node.name) }} as string) as mart,
    cast({{ text_literal(meta.question) }} as string) as question,
    cast({{ text_literal(meta.example.query) }} as string) as query,
    cast({{ text_literal(meta.grain) }} as string) as grain,
    cast({{ text_literal(meta.formula) }} as string) as formula,
    cast({{ text_literal(meta.caveats | join(' ')) }} as string) as caveat,
    cast({{ text_literal(meta.not_for) }} as string) as not_for
{%- if not loop.last %}
union all
{%- endif %}
{%- else %}
select
    cast(null as string) as mart,
    cast(null as string) as question,
    cast(null as string) as query,
    cast(null as string) as grain,
    cast(null as string) as formula,
    cast(null as string) as caveat,
    cast(null as string) as not_for
{%- endfor %}
{%- endmacro %}
