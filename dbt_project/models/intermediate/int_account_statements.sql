-- One row per account that a person said is theirs: the statement in force, else the newest one, with its basis and how long it may be used (M10).
with run as (
    select as_of_at from {{ ref('int_run') }}
),

facts as (
    select
        facts.value as account_key,
        facts.basis,
        facts.purpose,
        facts.collected_at,
        facts.expires_at,
        facts.objected_at,
        row_number() over (
            partition by facts.value
            order by
                case when facts.objected_at is null and coalesce(facts.expires_at >= run.as_of_at, true) then 0 else 1 end,
                facts.collected_at desc nulls last,
                facts.person_ref,
                facts.source
        ) as statement_rank
    from {{ ref('stg_person_facts') }} as facts
    cross join run
    where facts.fact = 'account' and coalesce(facts.collected_at < run.as_of_at, true)
)

select account_key, basis, purpose, collected_at, expires_at, objected_at
from facts
where statement_rank = 1
