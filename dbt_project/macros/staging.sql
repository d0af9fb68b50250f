{#- What this build is about: a var by hand, else the environment that fifty/transform.py sets. Not vars there: a changed var costs a full parse. -#}
{% macro run_value(name, default) -%}{{ var(name, env_var('FIFTY_RUN_' ~ name | upper, default)) }}{%- endmacro %}

{#- Last UTC day that counts. Never taken from a clock. -#}
{% macro as_of() -%}cast('{{ run_value("as_of", "1970-01-01") }}' as date){%- endmacro %}

{#- Cut of what had been observed; by default everything known. -#}
{% macro known_at() -%}cast('{{ run_value("known_at", "9999-12-31 00:00:00") }}' as timestamp){%- endmacro %}

{#- Loads that models may read: a rejected load is read by nobody. -#}
{% macro accepted_loads() -%}
select loads.load_id, loads.platform, loads.source_account_id, loads.stream
from {{ source('ops', 'loads') }} as loads
where loads.load_status in ('accepted', 'warned')
{%- endmacro %}

{#- Newest accepted row per key, known at the cut; ties by load and place in it (which counts over the whole load), then by place in the table:
    one item may name a thing twice.
    `keep_known` names columns in which a newer NULL does not overwrite what an older row knew: a short listing tells less than a full profile.
    Load, place and row become one number, so that the newest has the greatest, and the row is found by its position: neither a window over whole rows
    nor a join on the texts of the key. The rows are read more than once, first only the key, rather than copied whole in between.
    A row is made of the rows of its key alone, late ones too, so that `is_kept_up` tables make anew the keys that added loads name. -#}
{% macro newest_rows(table, key, columns, keep_known=[], is_kept_up=false) -%}
{%- if is_kept_up -%}
{{ config(materialized='kept_up' if target.type == 'duckdb' else 'table', touched_table=table, key=key) }}
{%- endif -%}
with accepted as (
    {{ accepted_loads() }}
),

load_ranks as (
    select loads.load_id, loads.observed_at, row_number() over (order by loads.observed_at, loads.load_id) as load_rank
    from (select distinct load_id, observed_at from {{ source('staging', table) }}) as loads
    inner join accepted on loads.load_id = accepted.load_id
),

positioned as {{ inlined() }} (
    select staged.*, {{ row_position('staged') }} as position from {{ source('staging', table) }} as staged
),

known_rows as {{ inlined() }} (
    select
        positioned.*,
        -- Room for 8,589,934,592 lines in a load, and for a million million rows in a table.
        {{ to_wide('load_ranks.load_rank * 8589934592 + coalesce(positioned.seq, 0)') }} * 1000000000000 + positioned.position as newness
    from positioned
    inner join load_ranks on positioned.load_id = load_ranks.load_id and positioned.observed_at = load_ranks.observed_at
    {%- if is_kept_up %}
    {{ of_touched('positioned', key) }}
    {%- endif %}
    where positioned.observed_at <= {{ known_at() }}
),

-- Groups hold numbers only: texts that an aggregate keeps cannot leave the memory, and a history of ten million has too many.
newest as (
    select
        {%- for column in keep_known %}
        max_by(known_rows.position, known_rows.newness) filter (where known_rows.{{ column }} is not null) as {{ column }}_position,
        {%- endfor %}
        max_by(known_rows.position, known_rows.newness) as position,
        min(known_rows.observed_at) as first_observed_at
    from known_rows
    group by {{ prefix_columns('known_rows', key) }}
)
{%- for column in keep_known %},

-- What the newest row leaves out and an older one knew.
older_{{ column }} as (
    select newest.position, positioned.{{ column }}
    from positioned
    inner join newest on positioned.position = newest.{{ column }}_position
    where newest.{{ column }}_position <> newest.position
)
{%- endfor %}

select
    {%- for column in ['platform', 'source_account_id', 'load_id', 'seq', 'observed_at'] + (['scope_key'] if 'scope_key' in key else []) %}
    positioned.{{ column }},
    {%- endfor %}
    {%- for column in columns %}
    {{ 'coalesce(positioned.' ~ column ~ ', older_' ~ column ~ '.' ~ column ~ ')' if column in keep_known else 'positioned.' ~ column }} as {{ column }},
    {%- endfor %}
    newest.first_observed_at
from positioned
inner join newest on positioned.position = newest.position
{%- for column in keep_known %}
left join older_{{ column }} on newest.position = older_{{ column }}.position
{%- endfor %}
{%- endmacro %}

{% macro prefix_columns(alias, columns) -%}
{%- for column in columns -%}{{ alias }}.{{ column }}{{ ', ' if not loop.last }}{%- endfor -%}
{%- endmacro %}

{#- A join's condition: the columns are equal on both sides. -#}
{% macro same_columns(left, right, columns) -%}
{%- for column in columns -%}{{ left }}.{{ column }} = {{ right }}.{{ column }}{{ ' and ' if not loop.last }}{%- endfor -%}
{%- endmacro %}

{#- One row per key that is absent from a complete listing in which it had stood: `ended_at` is the first complete read without it,
    `ended_after` the last read with it. Both reads are of the same scope and both are complete; an incomplete read ends nothing.
    A row is made of the rows of its key and of the reads of the scopes they stand in. -#}
{% macro ended_by_absence(table, key) -%}
{{ config(materialized='kept_up' if target.type == 'duckdb' else 'table', touched_table=table, touched_by='rows and reads', key=key) }}
with accepted as (
    {{ accepted_loads() }}
),

complete_reads as (
    select reads.platform, reads.source_account_id, reads.scope_key, reads.load_id, reads.observed_at
    from {{ ref('int_listing_reads') }} as reads
),

seen_rows as (
    select
        {{ prefix_columns('staged', key) }},
        staged.source_account_id,
        staged.scope_key,
        max(staged.observed_at) as last_seen_at,
        max(case when complete_reads.load_id is not null then 1 else 0 end) as was_in_complete_read
    from {{ source('staging', table) }} as staged
    inner join accepted on staged.load_id = accepted.load_id
    left join complete_reads
        on staged.load_id = complete_reads.load_id and staged.scope_key = complete_reads.scope_key
        and staged.platform = complete_reads.platform and staged.source_account_id = complete_reads.source_account_id
    {{ of_touched('staged', key) }}
    where staged.observed_at <= {{ known_at() }}
    group by {{ prefix_columns('staged', key) }}, staged.source_account_id, staged.scope_key
),

moments as (
    select platform, source_account_id, scope_key, observed_at as moment_at, 1 as is_complete_read from complete_reads
    union all
    select distinct platform, source_account_id, scope_key, last_seen_at as moment_at, 0 as is_complete_read from seen_rows
),

merged_moments as (
    select platform, source_account_id, scope_key, moment_at, max(is_complete_read) as is_complete_read
    from moments
    group by platform, source_account_id, scope_key, moment_at
),

next_reads as (
    select
        platform,
        source_account_id,
        scope_key,
        moment_at,
        min(case when is_complete_read = 1 then moment_at end) over (
            partition by platform, source_account_id, scope_key
            order by moment_at
            rows between 1 following and unbounded following
        ) as next_complete_at
    from merged_moments
),

per_key as (
    select
        {{ prefix_columns('seen_rows', key) }},
        max(seen_rows.last_seen_at) as last_seen_at,
        min(case when seen_rows.was_in_complete_read = 1 then next_reads.next_complete_at end) as absent_at
    from seen_rows
    inner join next_reads
        on seen_rows.platform = next_reads.platform and seen_rows.source_account_id = next_reads.source_account_id
        and seen_rows.scope_key = next_reads.scope_key and seen_rows.last_seen_at = next_reads.moment_at
    group by {{ prefix_columns('seen_rows', key) }}
)

select
    {{ prefix_columns('per_key', key) }},
    per_key.last_seen_at as ended_after,
    per_key.absent_at as ended_at
from per_key
where per_key.absent_at > per_key.last_seen_at
{%- endmacro %}

{#- All rows of the newest accepted load that holds the table, per configured source: the configuration is landed whole each time it changes. -#}
{% macro newest_load_rows(table, columns) -%}
with accepted as (
    {{ accepted_loads() }}
),

known_rows as (
    select
        staged.*,
        dense_rank() over (order by staged.observed_at desc, staged.load_id desc) as load_rank
    from {{ source('staging', table) }} as staged
    inner join accepted on staged.load_id = accepted.load_id
    where staged.observed_at <= {{ known_at() }}
)

select load_id, page, seq, observed_at, {{ prefix_columns('known_rows', columns) }}
from known_rows
where load_rank = 1
{%- endmacro %}
