{#- Every difference between the engines lives here: duckdb__ for DuckDB, default__ for Spark. -#}

{#- Wall clock of a time zone at a UTC instant. -#}
{% macro to_local(utc, zone) -%}{{ adapter.dispatch('to_local')(utc, zone) }}{%- endmacro %}
{% macro duckdb__to_local(utc, zone) -%}timezone({{ zone }}, timezone('UTC', {{ utc }})){%- endmacro %}
{% macro default__to_local(utc, zone) -%}from_utc_timestamp({{ utc }}, {{ zone }}){%- endmacro %}

{#- UTC instant of a wall clock. -#}
{% macro to_utc(local, zone) -%}{{ adapter.dispatch('to_utc')(local, zone) }}{%- endmacro %}
{% macro duckdb__to_utc(local, zone) -%}timezone('UTC', timezone({{ zone }}, {{ local }})){%- endmacro %}
{% macro default__to_utc(local, zone) -%}to_utc_timestamp({{ local }}, {{ zone }}){%- endmacro %}

{#- Date plus whole days. -#}
{% macro add_days(day, count) -%}{{ adapter.dispatch('add_days')(day, count) }}{%- endmacro %}
{% macro duckdb__add_days(day, count) -%}cast({{ day }} + cast({{ count }} as integer) as date){%- endmacro %}
{% macro default__add_days(day, count) -%}date_add({{ day }}, cast({{ count }} as int)){%- endmacro %}

{#- Whole days from the first date to the second. -#}
{% macro days_between(first, second) -%}{{ adapter.dispatch('days_between')(first, second) }}{%- endmacro %}
{% macro duckdb__days_between(first, second) -%}cast(date_diff('day', {{ first }}, {{ second }}) as bigint){%- endmacro %}
{% macro default__days_between(first, second) -%}cast(datediff({{ second }}, {{ first }}) as bigint){%- endmacro %}

{#- Seconds from the first instant to the second, cut to whole seconds towards the past. -#}
{% macro seconds_between(first, second) -%}{{ adapter.dispatch('seconds_between')(first, second) }}{%- endmacro %}
{% macro duckdb__seconds_between(first, second) -%}cast(floor((epoch_us({{ second }}) - epoch_us({{ first }})) / 1000000) as bigint){%- endmacro %}
{% macro default__seconds_between(first, second) -%}cast(floor((unix_micros(cast({{ second }} as timestamp)) - unix_micros(cast({{ first }} as timestamp))) / 1000000) as bigint){%- endmacro %}

{#- Microseconds from the first instant to the second: what sums are made of before they are cut to seconds. -#}
{% macro micros_between(first, second) -%}{{ adapter.dispatch('micros_between')(first, second) }}{%- endmacro %}
{% macro duckdb__micros_between(first, second) -%}(epoch_us({{ second }}) - epoch_us({{ first }})){%- endmacro %}
{% macro default__micros_between(first, second) -%}(unix_micros(cast({{ second }} as timestamp)) - unix_micros(cast({{ first }} as timestamp))){%- endmacro %}

{#- Instant plus days, which need not be whole. -#}
{% macro shift_days(instant, count) -%}{{ adapter.dispatch('shift_days')(instant, count) }}{%- endmacro %}
{% macro duckdb__shift_days(instant, count) -%}({{ instant }} + to_microseconds(cast(round({{ count }} * 86400000000) as bigint))){%- endmacro %}
{% macro default__shift_days(instant, count) -%}timestampadd(microsecond, cast(round({{ count }} * 86400000000) as bigint), {{ instant }}){%- endmacro %}

{#- Hour of day, 0 to 23. -#}
{% macro hour_of(instant) -%}cast({{ adapter.dispatch('hour_of')(instant) }} as bigint){%- endmacro %}
{% macro duckdb__hour_of(instant) -%}hour({{ instant }}){%- endmacro %}
{% macro default__hour_of(instant) -%}hour({{ instant }}){%- endmacro %}

{#- Monday of a date's week. -#}
{% macro week_start(day) -%}cast({{ dbt.date_trunc('week', day) }} as date){%- endmacro %}

{#- First of a date's month. -#}
{% macro month_start(day) -%}cast({{ dbt.date_trunc('month', day) }} as date){%- endmacro %}

{#- 1 for Monday to 7 for Sunday. -#}
{% macro day_of_week(day) -%}({{ days_between(week_start(day), day) }} + 1){%- endmacro %}

{#- One row per element of a list; for the select clause. -#}
{% macro explode_list(list) -%}{{ adapter.dispatch('explode_list')(list) }}{%- endmacro %}
{% macro duckdb__explode_list(list) -%}unnest({{ list }}){%- endmacro %}
{% macro default__explode_list(list) -%}explode({{ list }}){%- endmacro %}

{#- List to text, elements sorted and distinct, separated by a blank. -#}
{% macro list_to_text(list) -%}{{ adapter.dispatch('list_to_text')(list) }}{%- endmacro %}
{% macro duckdb__list_to_text(list) -%}array_to_string(list_sort(list_distinct({{ list }})), ' '){%- endmacro %}
{% macro default__list_to_text(list) -%}array_join(array_sort(array_distinct({{ list }})), ' '){%- endmacro %}

{#- Aggregate: distinct values, sorted, as text separated by a blank. -#}
{% macro collect_text(value) -%}{{ adapter.dispatch('collect_text')(value) }}{%- endmacro %}
{% macro duckdb__collect_text(value) -%}string_agg(distinct {{ value }}, ' ' order by {{ value }}){%- endmacro %}
{% macro default__collect_text(value) -%}array_join(array_sort(collect_set({{ value }})), ' '){%- endmacro %}

{#- Text to a list of its parts. -#}
{% macro split_text(text, separator) -%}{{ adapter.dispatch('split_text')(text, separator) }}{%- endmacro %}
{% macro duckdb__split_text(text, separator) -%}string_split({{ text }}, '{{ separator }}'){%- endmacro %}
{% macro default__split_text(text, separator) -%}split({{ text }}, '[{{ separator }}]'){%- endmacro %}

{#- One row per whole number from the first to the last; for the select clause. No row when the last is below the first. -#}
{% macro count_up(first, last) -%}{{ adapter.dispatch('count_up')(first, last) }}{%- endmacro %}
{% macro duckdb__count_up(first, last) -%}unnest(generate_series(cast({{ first }} as bigint), cast({{ last }} as bigint))){%- endmacro %}
{% macro default__count_up(first, last) -%}
explode(case when {{ first }} <= {{ last }} then sequence(cast({{ first }} as bigint), cast({{ last }} as bigint)) else array() end)
{%- endmacro %}

{#- Hexadecimal digits (at most 13) to the number they write. -#}
{% macro hex_to_number(digits) -%}{{ adapter.dispatch('hex_to_number')(digits) }}{%- endmacro %}
{% macro duckdb__hex_to_number(digits) -%}cast('0x' || {{ digits }} as bigint){%- endmacro %}
{% macro default__hex_to_number(digits) -%}cast(conv({{ digits }}, 16, 10) as bigint){%- endmacro %}

{#- A select of all dates from the first to the last, column `calendar_date`. -#}
{% macro date_spine(first, last, relation) -%}{{ adapter.dispatch('date_spine')(first, last, relation) }}{%- endmacro %}
{% macro duckdb__date_spine(first, last, relation) -%}
select cast(unnest(generate_series(cast({{ first }} as timestamp), cast({{ last }} as timestamp), interval 1 day)) as date) as calendar_date from {{ relation }}
{%- endmacro %}
{% macro default__date_spine(first, last, relation) -%}
select explode(sequence({{ first }}, {{ last }}, interval 1 day)) as calendar_date from {{ relation }}
{%- endmacro %}

{#- Newest known value of a column over an ordered window: NULL does not overwrite. -#}
{% macro first_known(column, window) -%}{{ adapter.dispatch('first_known')(column, window) }}{%- endmacro %}
{% macro duckdb__first_known(column, window) -%}first_value({{ column }} ignore nulls) over {{ window }}{%- endmacro %}
{% macro default__first_known(column, window) -%}first_value({{ column }}, true) over {{ window }}{%- endmacro %}

{#- The same from the other end: what was known last. -#}
{% macro last_known(column, window) -%}{{ adapter.dispatch('last_known')(column, window) }}{%- endmacro %}
{% macro duckdb__last_known(column, window) -%}last_value({{ column }} ignore nulls) over {{ window }}{%- endmacro %}
{% macro default__last_known(column, window) -%}last_value({{ column }}, true) over {{ window }}{%- endmacro %}

{#- Whole number of up to 38 digits. -#}
{% macro to_wide(value) -%}{{ adapter.dispatch('to_wide')(value) }}{%- endmacro %}
{% macro duckdb__to_wide(value) -%}cast({{ value }} as hugeint){%- endmacro %}
{% macro default__to_wide(value) -%}cast({{ value }} as decimal(38, 0)){%- endmacro %}

{#- Exact sum of doubles: equal from run to run and thread to thread. -#}
{% macro exact_sum(value) -%}cast(sum(cast({{ value }} as decimal(38, 18))) as double){%- endmacro %}

{#- Text that is contained in another, both as they are. -#}
{% macro contains_text(whole, part) -%}{{ adapter.dispatch('contains_text')(whole, part) }}{%- endmacro %}
{% macro duckdb__contains_text(whole, part) -%}contains({{ whole }}, {{ part }}){%- endmacro %}
{% macro default__contains_text(whole, part) -%}contains({{ whole }}, {{ part }}){%- endmacro %}

{#- Text of one name in a JSON object; NULL where the name, or the object, is not there. -#}
{% macro json_text(json, name) -%}{{ adapter.dispatch('json_text')(json, name) }}{%- endmacro %}
{% macro duckdb__json_text(json, name) -%}json_extract_string({{ json }}, '$.{{ name }}'){%- endmacro %}
{% macro default__json_text(json, name) -%}get_json_object({{ json }}, '$.{{ name }}'){%- endmacro %}

{#- After `as` of a CTE that only reads one relation and is used more than once: DuckDB would copy the relation whole, with columns nobody asks for. -#}
{% macro inlined() -%}{{ adapter.dispatch('inlined')() }}{%- endmacro %}
{% macro duckdb__inlined() -%}not materialized{%- endmacro %}
{% macro default__inlined() -%}{%- endmacro %}

{#- Where a row of a source table stands in it: the same number each time the table is read in one query, and not two of one number. -#}
{% macro row_position(relation) -%}{{ adapter.dispatch('row_position')(relation) }}{%- endmacro %}
{% macro duckdb__row_position(relation) -%}{{ relation }}.rowid{%- endmacro %}
{% macro default__row_position(relation) -%}monotonically_increasing_id(){%- endmacro %}

{#- One round of an `iterated` model, a table that later rounds read. On DuckDB it is temporary: two hundred rounds would be four hundred commits,
    each waiting for the disk. On Spark it must be a table, committed, or no later statement sees it. -#}
{% macro round_relation(model, suffix) -%}{{ return(adapter.dispatch('round_relation')(model, suffix)) }}{%- endmacro %}
{% macro duckdb__round_relation(model, suffix) -%}{{ return(api.Relation.create(identifier=model.identifier ~ suffix, type='table')) }}{%- endmacro %}
{% macro default__round_relation(model, suffix) -%}
{{ return(api.Relation.create(database=model.database, schema=model.schema, identifier=model.identifier ~ suffix, type='table')) }}
{%- endmacro %}

{#- Rounds of an `iterated` model between two looks at whether it is settled. On DuckDB a round over a small graph costs less than what dbt does around a
    statement; on Spark a round is a job, and one too many is dear. -#}
{% macro rounds_at_once() -%}{{ return(adapter.dispatch('rounds_at_once')()) }}{%- endmacro %}
{% macro duckdb__rounds_at_once() -%}{{ return(12) }}{%- endmacro %}
{% macro default__rounds_at_once() -%}{{ return(1) }}{%- endmacro %}

{#- Rounds one after the other, each a relation and its query. DuckDB takes them as one text. -#}
{% macro write_rounds(rounds) -%}{{ return(adapter.dispatch('write_rounds')(rounds)) }}{%- endmacro %}
{% macro duckdb__write_rounds(rounds) -%}
{%- set statements = [] -%}
{%- for relation, query in rounds -%}
    {%- do statements.append('create or replace temporary table ' ~ relation ~ ' as (' ~ query ~ ')') -%}
{%- endfor -%}
{%- do run_query(statements | join(';\n')) -%}
{%- endmacro %}
{% macro default__write_rounds(rounds) -%}
{%- for relation, query in rounds -%}
    {%- do adapter.drop_relation(relation) -%}
    {%- do run_query(create_table_as(False, relation, query)) -%}
    {%- do adapter.commit() -%}
{%- endfor -%}
{%- endmacro %}

{% macro drop_round(relation) -%}{{ return(adapter.dispatch('drop_round')(relation)) }}{%- endmacro %}
{% macro duckdb__drop_round(relation) -%}{%- do run_query('drop table if exists ' ~ relation) -%}{%- endmacro %}
{% macro default__drop_round(relation) -%}{%- do adapter.drop_relation(relation) -%}{%- endmacro %}
