with pairs as (
    select * from {{ ref('int_network_pairs') }}
),

parameters as (
    select link_precision, link_recall, least_denominator from {{ ref('int_parameters') }}
),

run as (
    select * from {{ ref('int_run') }}
),

corrected as (
    select
        pairs.*,
        parameters.link_precision,
        parameters.link_recall,
        parameters.least_denominator,
        least(pairs.first_person_count, pairs.second_person_count) as smaller_count,
        greatest(pairs.first_person_count, pairs.second_person_count) as larger_count,
        -- No more people can be on both than on the smaller one.
        case when pairs.linked_person_count > 0 then least(
            pairs.linked_person_count * parameters.link_precision / nullif(parameters.link_recall, 0),
            cast(least(pairs.first_person_count, pairs.second_person_count) as double)
        ) end as corrected_link_count
    from pairs
    cross join parameters
),

estimated as (
    select
        *,
        case when linked_person_count >= least_denominator then
            (first_person_count + 1) * (second_person_count + 1) / cast(linked_person_count + 1 as double) - 1
        end as chapman_estimate,
        case when linked_person_count >= least_denominator then sqrt(
            cast((first_person_count + 1) * (second_person_count + 1) as double)
            * ((first_person_count - linked_person_count) * (second_person_count - linked_person_count))
            / (cast(linked_person_count + 1 as double) * (linked_person_count + 1) * (linked_person_count + 2))
        ) end as chapman_deviation
    from corrected
)

select
    estimated.first_platform,
    estimated.second_platform,
    case when estimated.linked_person_count = 0 then 'nobody said that accounts on both are theirs' end as overlap_reason,
    case when estimated.linked_person_count < estimated.least_denominator then 'too few people said that accounts on both are theirs' end as chapman_reason,
    run.parameters_version,
    estimated.first_person_count,
    estimated.second_person_count,
    estimated.linked_person_count,
    estimated.link_precision,
    estimated.link_recall,
    round(estimated.corrected_link_count, 9) as corrected_link_count,
    {{ share('estimated.corrected_link_count', 'estimated.smaller_count') }} as overlap_coefficient,
    {{ share('estimated.corrected_link_count', 'estimated.first_person_count + estimated.second_person_count - estimated.corrected_link_count') }} as jaccard,
    -- Between: everybody of the smaller network is on the larger one too, and nobody but those who said so is.
    estimated.larger_count as distinct_person_low_count,
    estimated.first_person_count + estimated.second_person_count - estimated.linked_person_count as distinct_person_high_count,
    round(estimated.chapman_estimate, 9) as chapman_estimate,
    round(greatest(
        estimated.chapman_estimate - 1.959964e0 * estimated.chapman_deviation,
        case when estimated.chapman_estimate is not null
            then cast(estimated.first_person_count + estimated.second_person_count - estimated.linked_person_count as double)
        end
    ), 9) as chapman_low,
    round(estimated.chapman_estimate + 1.959964e0 * estimated.chapman_deviation, 9) as chapman_high,
    estimated.smaller_count < estimated.least_denominator as is_too_few,
    run.as_of_date
from estimated
cross join run
