{#- A model that is computed round by round. Its SQL says one round, reading the relation `starts_from` as the state before it; the round is repeated, each time on what the
    round before gave, until no row is left with `is_settled` false, or `most_rounds` times. The model decides itself when a row is settled: a limit that depends on
    parameters belongs there. Each round is one physical table, so that no plan grows with the rounds, and on Spark none is computed twice.
    A unit test of such a model tests one round. -#}
{% materialization iterated, default %}
    {%- set start = ref(config.require('starts_from')) -%}
    {%- set most_rounds = config.get('most_rounds', 10000) -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set state = namespace(before=start, unsettled_count=1, round_count=0) -%}

    {{ run_hooks(pre_hooks) }}

    {%- for round_number in range(most_rounds) -%}
        {%- if state.unsettled_count > 0 -%}
            {%- set after = round_relation(this, '__even' if round_number % 2 == 0 else '__odd') -%}
            {%- do write_round(after, sql | replace(start | string, state.before | string)) -%}
            {%- set state.unsettled_count = run_query('select count(*) from ' ~ after ~ ' where not is_settled').columns[0].values()[0] | int -%}
            {%- set state.before = after -%}
            {%- set state.round_count = state.round_count + 1 -%}
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
