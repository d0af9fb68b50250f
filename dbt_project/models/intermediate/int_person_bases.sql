-- One row per person and fact on file that may lawfully be used at the as-of instant: basis stated, not expired, not objected to, not withdrawn.
with facts as (
    select * from {{ ref('stg_person_facts') }}
),

run as (
    select as_of_at from {{ ref('int_run') }}
),

refs as (
    select person_ref, person_id from {{ ref('int_person_refs') }}
)

select
    refs.person_id,
    facts.person_ref,
    facts.fact,
    facts.value,
    facts.basis,
    facts.purpose,
    facts.collected_at,
    facts.expires_at
from facts
cross join run
inner join refs on facts.person_ref = refs.person_ref
left join {{ ref('int_person_facts_absent') }} as absent
    on facts.platform = absent.platform and facts.person_ref = absent.person_ref and facts.fact = absent.fact and facts.value = absent.value
where facts.basis is not null
    and facts.objected_at is null
    and absent.ended_at is null
    and coalesce(facts.expires_at >= run.as_of_at, true)
    and coalesce(facts.collected_at < run.as_of_at, true)
