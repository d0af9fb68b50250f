with quality as (
    select * from {{ ref('int_account_quality') }} where is_external
),

reality as (
    select * from {{ ref('int_account_reality') }}
),

accounts as (
    select * from {{ ref('int_accounts') }}
),

members as (
    select account_key, person_id from {{ ref('int_person_members') }}
),

followers as (
    select account_key from {{ ref('int_current_followers') }}
),

parameters as (
    select quality_least_rules from {{ ref('int_parameters') }}
),

run as (
    select * from {{ ref('int_run') }}
)

select
    quality.account_key,
    members.person_id,
    quality.platform,
    accounts.display_name,
    accounts.handle,
    accounts.profile_url,
    reality.p_real_basis,
    case when not quality.is_judged then
        'fewer than ' || cast(cast(parameters.quality_least_rules as bigint) as string) || ' rules can be observed'
    end as flag_reason,
    run.parameters_version,
    quality.observable_rule_count,
    quality.flagged_rule_count,
    quality.follower_count,
    quality.following_count,
    quality.post_count,
    quality.message_count as known_message_count,
    quality.reshare_count as known_reshare_count,
    reality.p_real,
    {%- for rule in quality_rules() %}
    quality.{{ rule }},
    {%- endfor %}
    quality.is_inactive,
    quality.is_flagged,
    quality.is_reviewed_fake,
    quality.has_known_catalogue,
    followers.account_key is not null as is_follower,
    accounts.is_automated,
    accounts.is_suspended,
    accounts.is_deleted,
    run.as_of_date,
    quality.created_at as account_created_at
from quality
cross join parameters
cross join run
inner join reality on quality.account_key = reality.account_key
inner join accounts on quality.account_key = accounts.account_key
left join members on quality.account_key = members.account_key
left join followers on quality.account_key = followers.account_key
