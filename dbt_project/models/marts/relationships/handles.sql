with members as (
    select * from {{ ref('int_person_members') }}
),

statements as (
    select * from {{ ref('int_account_statements') }}
),

run as (
    select * from {{ ref('int_run') }}
)

select
    members.account_key,
    members.person_id,
    members.platform,
    members.account_id,
    members.display_name,
    members.handle,
    members.profile_url,
    members.link_rule,
    members.link_evidence,
    members.veto_reason,
    statements.basis,
    statements.purpose,
    run.parameters_version,
    members.link_confidence,
    members.follower_count,
    members.main_rank = 1 as is_main,
    members.is_automated,
    members.is_protected,
    members.is_suspended,
    members.is_deleted,
    run.as_of_date,
    members.linked_at,
    members.first_event_at,
    statements.collected_at,
    statements.expires_at,
    statements.objected_at
from members
cross join run
left join statements on members.account_key = statements.account_key
