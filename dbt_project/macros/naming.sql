{#- Schema names are those of the design, without dbt's prefix. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}

{#- Staff as the marts show them: a pseudonym, salted per brand. -#}
{% macro responder_pseudonym(text) -%}'responder-' || substr(md5(salt.person_salt || '|' || {{ text }}), 1, 12){%- endmacro %}

{#- A configured name of staff: shown as it is only where the configuration states a basis for that. Wants `salt` and `run` in scope. -#}
{% macro responder_name(text) -%}
case when run.staff_naming_basis is not null then {{ text }} else {{ responder_pseudonym(text) }} end
{%- endmacro %}
