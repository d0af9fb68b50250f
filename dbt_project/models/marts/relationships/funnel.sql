with stages as (
    select * from {{ ref('int_person_stages') }}
),

audience as (
    select
        brand_account_key,
        follower_count,
        row_number() over (partition by brand_account_key order by audience_date desc) as recency
    from {{ ref('audience_daily') }}
),

claimed as (
    select
        count(*) as account_count,
        count(follower_count) as measured_account_count,
        cast(sum(follower_count) as bigint) as follower_sum
    from audience
    where recency = 1
),

counted as (
    select
        count(*) as known_count,
        count(case when is_reachable then 1 end) as reachable_count,
        count(case when is_engaged then 1 end) as engaged_count,
        count(case when is_conversing then 1 end) as conversing_count,
        count(case when is_living then 1 end) as living_count,
        count(case when is_advocating then 1 end) as advocating_count,
        count(case when is_referring then 1 end) as referring_count
    from stages
),

recorded as (
    select count(*) as referral_row_count from {{ ref('stg_referrals') }}
),

run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select least_denominator from {{ ref('int_parameters') }}
),

listed as (
    select 1 as stage_number, 'claimed' as stage, claimed.follower_sum as person_count,
        case
            when claimed.measured_account_count = 0 then 'no follower count was ever measured'
            when claimed.measured_account_count < claimed.account_count then 'one brand account or more were never measured and are missing here'
        end as count_note
    from claimed
    union all
    select 2 as stage_number, 'known' as stage, counted.known_count as person_count, cast(null as string) as count_note from counted
    union all
    select 3 as stage_number, 'reachable' as stage, counted.reachable_count as person_count, cast(null as string) as count_note from counted
    union all
    select 4 as stage_number, 'engaged' as stage, counted.engaged_count as person_count, cast(null as string) as count_note from counted
    union all
    select 5 as stage_number, 'conversing' as stage, counted.conversing_count as person_count, cast(null as string) as count_note from counted
    union all
    select 6 as stage_number, 'living' as stage, counted.living_count as person_count, cast(null as string) as count_note from counted
    union all
    select 7 as stage_number, 'advocating' as stage, counted.advocating_count as person_count, cast(null as string) as count_note from counted
    union all
    select 8 as stage_number, 'referring' as stage,
        case when recorded.referral_row_count > 0 then counted.referring_count end as person_count,
        case when recorded.referral_row_count = 0 then 'not measurable: no referrals are recorded' end as count_note
    from counted
    cross join recorded
),

measured as (
    select
        listed.stage_number,
        listed.stage,
        case when run.pulled_load_count = 0 then 'no data were ever pulled' else listed.count_note end as count_note,
        case when run.pulled_load_count > 0 then listed.person_count end as person_count
    from listed
    cross join run
),

compared as (
    select
        measured.*,
        lag(measured.stage) over (order by measured.stage_number) as previous_stage,
        lag(measured.person_count) over (order by measured.stage_number) as previous_count
    from measured
)

select
    compared.stage,
    case compared.stage
        when 'claimed' then 'followers as the platforms state them, over all accounts; overlap and the unreal are in it'
        when 'known' then 'real people known by name: they follow, did something, or were addressed'
        when 'reachable' then 'follow now, or did anything at all within the window'
        when 'engaged' then 'replied, commented, quoted, named, wrote to or reshared the brand within the window'
        when 'conversing' then 'had at least one exchange wholly inside the window'
        when 'living' then 'in a living relationship'
        when 'advocating' then 'in a living relationship, and an advocate: unrewarded acts on two days or more within the window'
        when 'referring' then 'advocating, and recommended the brand to somebody by name within the window'
    end as meaning,
    compared.previous_stage,
    compared.count_note,
    case
        when compared.previous_stage is null then 'the first stage'
        when compared.person_count is null or compared.previous_count is null then 'a count is not known'
        when compared.previous_count = 0 then 'nobody in the stage before'
        when compared.person_count > compared.previous_count then 'more people are known by name than follow'
    end as share_reason,
    run.parameters_version,
    cast(compared.stage_number as bigint) as stage_number,
    compared.person_count,
    compared.previous_count,
    case when compared.person_count <= compared.previous_count then {{ share('compared.person_count', 'compared.previous_count') }} end as stage_share,
    case when compared.person_count <= compared.previous_count then {{ wilson_low('compared.person_count', 'compared.previous_count') }} end as stage_share_low,
    case when compared.person_count <= compared.previous_count then {{ wilson_high('compared.person_count', 'compared.previous_count') }} end as stage_share_high,
    coalesce(compared.previous_count < parameters.least_denominator, true) as is_too_few,
    run.as_of_date
from compared
cross join run
cross join parameters
