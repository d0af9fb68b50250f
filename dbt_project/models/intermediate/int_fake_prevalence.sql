-- One row: how many of the brand's accounts are fake behind what the rules flag (M6.4), and how well the flag tells.
-- Sensitivity and specificity come from accounts labelled `fake` or not by hand once there are enough of them; the parameters hold until then.
-- Accounts that the platform itself calls automated or suspended are known, not estimated.
with judged as (
    select * from {{ ref('int_account_quality') }} where is_external and not is_stated and is_judged
),

parameters as (
    select quality_least_labelled, fake_prevalence, flag_sensitivity, flag_specificity from {{ ref('int_parameters') }}
),

counted as (
    select
        count(*) as judged_count,
        count(case when is_flagged then 1 end) as flagged_count,
        count(is_reviewed_fake) as labelled_count,
        count(case when is_reviewed_fake then 1 end) as labelled_fake_count,
        count(case when is_reviewed_fake and is_flagged then 1 end) as flagged_fake_count,
        count(case when not is_reviewed_fake and not is_flagged then 1 end) as unflagged_genuine_count
    from judged
),

measured as (
    select
        counted.*,
        parameters.*,
        cast(counted.flagged_count as double) / nullif(counted.judged_count, 0) as flagged_share,
        cast(counted.flagged_fake_count as double) / nullif(counted.labelled_fake_count, 0) as labelled_sensitivity,
        cast(counted.unflagged_genuine_count as double) / nullif(counted.labelled_count - counted.labelled_fake_count, 0) as labelled_specificity
    from counted
    cross join parameters
),

-- A flag that hits the genuine as often as the fake says nothing, however many are labelled.
chosen as (
    select
        *,
        coalesce(labelled_count >= quality_least_labelled and labelled_sensitivity + labelled_specificity > 1, false) as is_labelled
    from measured
),

weighed as (
    select
        *,
        case when is_labelled then labelled_sensitivity else flag_sensitivity end as sensitivity,
        case when is_labelled then labelled_specificity else flag_specificity end as specificity
    from chosen
),

corrected as (
    select
        *,
        {{ corrected_prevalence('flagged_share', 'sensitivity', 'specificity') }} as corrected_prevalence,
        {{ corrected_variance('flagged_share', 'judged_count', 'sensitivity', 'specificity') }} as corrected_variance
    from weighed
),

in_force as (
    select *, case when is_labelled then corrected_prevalence else fake_prevalence end as prevalence from corrected
)

select
    case when is_labelled then 'labels' else 'parameters' end as error_basis,
    cast(judged_count as bigint) as judged_count,
    cast(flagged_count as bigint) as flagged_count,
    cast(labelled_count as bigint) as labelled_count,
    round(flagged_share, 12) as flagged_share,
    round(sensitivity, 12) as sensitivity,
    round(specificity, 12) as specificity,
    round(corrected_prevalence, 12) as corrected_prevalence,
    round(corrected_variance, 12) as corrected_variance,
    round(prevalence, 12) as prevalence,
    round({{ flag_precision('prevalence', 'sensitivity', 'specificity') }}, 12) as flag_precision,
    round(1 - prevalence, 12) as p_real_prior,
    -- Bayes: the genuine among the flagged and among the unflagged; a class that cannot occur keeps the prior.
    round(coalesce(
        (1 - prevalence) * (1 - specificity) / nullif((1 - prevalence) * (1 - specificity) + prevalence * sensitivity, 0), 1 - prevalence
    ), 12) as p_real_flagged,
    round(coalesce(
        (1 - prevalence) * specificity / nullif((1 - prevalence) * specificity + prevalence * (1 - sensitivity), 0), 1 - prevalence
    ), 12) as p_real_unflagged
from in_force
