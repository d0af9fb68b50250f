{#- A model that is computed round by round. Its SQL says one round, reading the relation `starts_from` as the state before it; the round is repeated, each time on what the
    round before gave, until no row is left with `is_settled` false, or `most_rounds` times. The model decides itself when a row is settled: a limit that depends on
    parameters belongs there. Each round is one physical table, so that no plan grows with the rounds, and on Spark none is computed twice.
    Several rounds are written before any row is looked at (`rounds_at_once`): where all rows are settled a round must change nothing. A unit test of such a model tests one round. -#}
{% materialization iterated, default %}
    {%- set start = ref(config.require('starts_from')) -%}
    {%- set most_rounds = config.get('most_rounds', 10000) -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set state = namespace(before=start, unsettled_count=1, round_count=0) -%}

    {{ run_hooks(pre_hooks) }}

    {%- set at_once = rounds_at_once() -%}
    {%- for first in range(0, most_rounds, at_once) -%}
        {%- if state.unsettled_count > 0 -%}
            {%- set rounds = [] -%}
            {%- for round_number in range(first, [first + at_once, most_rounds] | min) -%}
                {%- set after = round_relation(this, '__even' if round_number % 2 == 0 else '__odd') -%}
                {%- do rounds.append((after, sql | replace(start | string, state.before | string))) -%}
                {%- set state.before = after -%}
            {%- endfor -%}
            {%- do write_rounds(rounds) -%}
            {%- set state.unsettled_count = run_query('select count(*) from ' ~ state.before ~ ' where not is_settled').columns[0].values()[0] | int -%}
            {%- set state.round_count = state.round_count + rounds | length -%}
        {%- endif -%}
    {%- endfor -%}

    {%- do adapter.drop_relation(target_relation) -%}
    {% call statement('main') -%}
        {{ create_table_as(False, target_relation, 'select * from ' ~ state.before) }}
    {%- endcall %}
    {%- for suffix in ['__even', '__odd'] -%}
        {%- do drop_round(round_relation(this, suffix)) -%}
    {%- endfor -%}

    {{ run_hooks(post_hooks) }}
    {%- do persist_docs(target_relation, model) -%}
    {%- do adapter.commit() -%}
    {%- do log(this.identifier ~ ': ' ~ state.round_count ~ ' rounds', info=false) -%}

    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
