with members as (
    select * from {{ ref('int_audience_members') }}
),

quality as (
    select * from {{ ref('int_account_quality') }}
),

reality as (
    select account_key, p_real from {{ ref('int_account_reality') }}
),

labels as (
    select * from {{ ref('int_person_labels') }}
),

identified as (
    select distinct person_id from {{ ref('int_person_bases') }}
),

prevalence as (
    select * from {{ ref('int_fake_prevalence') }}
),

list_reads as (
    select distinct platform from {{ ref('int_listing_reads') }} where entity = 'followers'
),

platforms as (
    select distinct platform from {{ ref('int_account_roles') }} where role = 'brand'
    union
    select distinct platform from members
    union
    select 'all' as platform
),

populations as (
    select 'followers' as population
    union all
    select 'engaged' as population
),

parameters as (
    select least_denominator from {{ ref('int_parameters') }}
),

run as (
    select * from {{ ref('int_run') }}
),

described as (
    select
        members.population,
        members.platform,
        members.person_id,
        reality.p_real,
        quality.is_stated,
        quality.is_judged and not quality.is_stated as is_judged,
        quality.is_flagged and not quality.is_stated as is_flagged,
        labels.is_relevant,
        labels.segment,
        identified.person_id is not null as is_identified
    from members
    inner join quality on members.account_key = quality.account_key
    inner join reality on members.account_key = reality.account_key
    left join labels on members.person_id = labels.person_id
    left join identified on members.person_id = identified.person_id
),

counted as (
    select
        population,
        platform,
        count(*) as person_count,
        count(case when is_stated then 1 end) as stated_count,
        count(case when is_judged then 1 end) as judged_count,
        count(case when is_flagged then 1 end) as flagged_count,
        count(is_relevant) as relevance_known_count,
        count(segment) as segment_known_count,
        count(case when is_identified then 1 end) as identified_count,
        {{ exact_sum('p_real') }} as real_weight,
        {{ exact_sum('case when is_relevant then p_real else 0 end') }} as relevant_weight,
        {{ exact_sum('case when is_relevant is not null then p_real else 0 end') }} as known_relevance_weight
    from described
    group by population, platform
),

segments as (
    select population, platform, segment, count(*) as segment_person_count
    from described
    where segment is not null
    group by population, platform, segment
),

diversities as (
    select
        segments.population,
        segments.platform,
        count(*) as segment_count,
        1 - cast(sum(segments.segment_person_count * segments.segment_person_count) as double)
        / (max(counted.segment_known_count) * max(counted.segment_known_count)) as diversity
    from segments
    inner join counted on segments.population = counted.population and segments.platform = counted.platform
    group by segments.population, segments.platform
),

gridded as (
    select
        platforms.platform,
        populations.population,
        case
            when run.pulled_load_count = 0 then 'no data were ever pulled'
            when populations.population = 'followers' and list_reads.platform is null and platforms.platform <> 'all' then 'no list of followers was read'
            when populations.population = 'followers' and platforms.platform = 'all' and reads.read_count = 0 then 'no list of followers was read'
        end as person_reason
    from platforms
    cross join populations
    cross join run
    cross join (select count(*) as read_count from list_reads) as reads
    left join list_reads on platforms.platform = list_reads.platform
),

measured as (
    select
        gridded.*,
        case when gridded.person_reason is null then coalesce(counted.person_count, 0) end as person_count,
        case when gridded.person_reason is null then coalesce(counted.stated_count, 0) end as stated_count,
        case when gridded.person_reason is null then coalesce(counted.judged_count, 0) end as judged_count,
        case when gridded.person_reason is null then coalesce(counted.flagged_count, 0) end as flagged_count,
        case when gridded.person_reason is null then coalesce(counted.relevance_known_count, 0) end as relevance_known_count,
        case when gridded.person_reason is null then coalesce(counted.segment_known_count, 0) end as segment_known_count,
        case when gridded.person_reason is null then coalesce(diversities.segment_count, 0) end as segment_count,
        case when gridded.person_reason is null then coalesce(counted.identified_count, 0) end as identified_count,
        case when gridded.person_reason is null then coalesce(counted.real_weight, 0) end as real_weight,
        counted.relevant_weight,
        counted.known_relevance_weight,
        -- Of whom nothing is written down, as many are relevant as of the others.
        counted.relevant_weight / nullif(counted.known_relevance_weight, 0) * counted.real_weight as in_interest_weight,
        diversities.diversity,
        cast(counted.flagged_count as double) / nullif(counted.judged_count, 0) as flagged_fraction
    from gridded
    left join counted on gridded.population = counted.population and gridded.platform = counted.platform
    left join diversities on gridded.population = diversities.population and gridded.platform = diversities.platform
),

corrected as (
    select
        measured.*,
        prevalence.error_basis,
        prevalence.labelled_count,
        prevalence.sensitivity,
        prevalence.specificity,
        prevalence.prevalence as prevalence_in_force,
        prevalence.flag_precision,
        {{ corrected_prevalence('measured.flagged_fraction', 'prevalence.sensitivity', 'prevalence.specificity') }} as corrected_prevalence,
        {{ corrected_variance('measured.flagged_fraction', 'measured.judged_count', 'prevalence.sensitivity', 'prevalence.specificity') }}
            as corrected_variance,
        -- The ends of the flagged share, corrected: from few accounts the variance alone would claim to be certain.
        {{ wilson_low('measured.flagged_count', 'measured.judged_count') }} as flagged_low,
        {{ wilson_high('measured.flagged_count', 'measured.judged_count') }} as flagged_high
    from measured
    cross join prevalence
)

select
    corrected.platform,
    corrected.population,
    corrected.person_reason,
    case
        when corrected.person_reason is not null then corrected.person_reason
        when corrected.judged_count = 0 then 'of no account enough is known to judge it'
    end as flagged_reason,
    case
        when corrected.person_reason is not null then corrected.person_reason
        when corrected.relevance_known_count = 0 then 'not measurable: business data call nobody relevant or not'
        when corrected.known_relevance_weight = 0 then 'nobody of whom relevance is known is real'
    end as in_interest_reason,
    case
        when corrected.person_reason is not null then corrected.person_reason
        when corrected.segment_known_count = 0 then 'not measurable: business data name nobody''s segment'
    end as diversity_reason,
    corrected.error_basis,
    run.parameters_version,
    corrected.person_count,
    corrected.stated_count,
    corrected.judged_count,
    corrected.flagged_count,
    {{ share('corrected.flagged_count', 'corrected.judged_count') }} as flagged_share,
    corrected.flagged_low,
    corrected.flagged_high,
    round(corrected.corrected_prevalence, 9) as corrected_prevalence,
    round({{ corrected_prevalence('corrected.flagged_low', 'corrected.sensitivity', 'corrected.specificity') }}, 9) as corrected_prevalence_low,
    round({{ corrected_prevalence('corrected.flagged_high', 'corrected.sensitivity', 'corrected.specificity') }}, 9) as corrected_prevalence_high,
    round(corrected.corrected_variance, 9) as corrected_variance,
    round(corrected.prevalence_in_force, 9) as prevalence_in_force,
    round(corrected.sensitivity, 9) as sensitivity,
    round(corrected.specificity, 9) as specificity,
    corrected.labelled_count as hand_labelled_count,
    round(corrected.flag_precision, 9) as flag_precision,
    round(corrected.real_weight, 9) as real_weight,
    {{ share('corrected.real_weight', 'corrected.person_count') }} as real_share,
    corrected.relevance_known_count,
    {{ share('corrected.in_interest_weight', 'corrected.person_count') }} as in_interest_share,
    {{ share('case when corrected.known_relevance_weight > 0 then corrected.relevant_weight end', 'corrected.person_count') }} as in_interest_low,
    {{ share(
        'case when corrected.known_relevance_weight > 0 then corrected.real_weight - corrected.known_relevance_weight + corrected.relevant_weight end',
        'corrected.person_count'
    ) }} as in_interest_high,
    corrected.segment_known_count,
    corrected.segment_count,
    round(corrected.diversity, 9) as diversity,
    corrected.identified_count,
    {{ share('corrected.identified_count', 'corrected.person_count') }} as identified_share,
    {{ wilson_low('corrected.identified_count', 'corrected.person_count') }} as identified_low,
    {{ wilson_high('corrected.identified_count', 'corrected.person_count') }} as identified_high,
    coalesce(corrected.person_count < parameters.least_denominator, true) as is_too_few,
    coalesce(corrected.judged_count < parameters.least_denominator, true) as is_judged_too_few,
    run.as_of_date
from corrected
cross join parameters
cross join run
