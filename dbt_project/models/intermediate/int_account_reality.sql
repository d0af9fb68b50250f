-- One row per account: how likely a real person stands behind it, and on what ground (M6.4).
-- `stated`: the platform or the configuration says automated or suspended (0), or somebody looked at the account and labelled it fake (0) or not (1).
-- `rules`: enough rules can be observed, so what they say is weighed. `prior`: too few, so the account is as real as any.
with quality as (
    select * from {{ ref('int_account_quality') }}
),

prevalence as (
    select * from {{ ref('int_fake_prevalence') }}
)

select
    quality.account_key,
    case
        when quality.is_stated or quality.is_reviewed_fake is not null then 'stated'
        when quality.is_judged then 'rules'
        else 'prior'
    end as p_real_basis,
    cast(case
        when quality.is_stated or quality.is_reviewed_fake then 0
        when not quality.is_reviewed_fake then 1
        when quality.is_flagged then prevalence.p_real_flagged
        when quality.is_judged then prevalence.p_real_unflagged
        else prevalence.p_real_prior
    end as double) as p_real
from quality
cross join prevalence
