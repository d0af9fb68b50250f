with edges as (
    select * from {{ ref('int_cascade_edges') }}
),

shapes as (
    select * from {{ ref('int_cascade_shapes') }}
),

posts as (
    select * from {{ ref('posts') }}
),

run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select least_denominator from {{ ref('int_parameters') }}
),

spread as (
    select
        post_key,
        count(*) as resharer_count,
        max(case when is_listed then 1 else 0 end) = 1 as is_listed,
        min(case when is_dated then 1 else 0 end) = 1 as is_dated,
        max(case when is_dated then shared_at end) as last_shared_at
    from edges
    group by post_key
),

ordered as (
    select
        edges.post_key,
        edges.shared_at,
        row_number() over (partition by edges.post_key order by edges.shared_at, edges.node_key) as place,
        count(*) over (partition by edges.post_key) as resharer_count
    from edges
),

halves as (
    select post_key, min(shared_at) as half_at
    from ordered
    where 2 * place >= resharer_count
    group by post_key
)

select
    posts.post_key as root_post_key,
    posts.platform,
    posts.author_side,
    posts.author_person_id,
    posts.author_display_name,
    posts.author_profile_url,
    posts.text,
    posts.url,
    case when spread.is_listed then 'people' else 'seen' end as size_basis,
    case
        when shapes.post_key is not null then cast(null as string)
        when not spread.is_listed then 'depth unknown: the list of who passed it on is not complete'
        else 'depth unknown: the platform names the author only, and it is not known who follows those who passed it on'
    end as depth_reason,
    case
        when not spread.is_dated then 'the platform does not say when each passed it on'
        when posts.is_time_observed then 'the platform does not say when it was published'
    end as half_reason,
    case when posts.reshare_basis is null or posts.reshare_count = 0 then 'the platform states no number' end as coverage_reason,
    run.parameters_version,
    spread.resharer_count + 1 as node_count,
    spread.resharer_count,
    case when posts.reshare_basis is not null then posts.reshare_count end as stated_reshare_count,
    case when posts.reshare_count > 0 then round(least(cast(1 as double), cast(spread.resharer_count as double) / posts.reshare_count), 9) end as coverage,
    shapes.depth,
    shapes.max_breadth,
    shapes.second_degree_count,
    {{ share('shapes.second_degree_count', 'shapes.resharer_count') }} as second_degree_share,
    {{ wilson_low('shapes.second_degree_count', 'shapes.resharer_count') }} as second_degree_share_low,
    {{ wilson_high('shapes.second_degree_count', 'shapes.resharer_count') }} as second_degree_share_high,
    shapes.structural_virality,
    case when spread.is_dated and not posts.is_time_observed then {{ seconds_between('posts.published_at', 'halves.half_at') }} end as half_seconds,
    posts.is_incentivised,
    spread.resharer_count < parameters.least_denominator as is_too_few,
    run.as_of_date,
    posts.published_at,
    spread.last_shared_at as last_reshared_at
from spread
cross join run
cross join parameters
inner join posts on spread.post_key = posts.post_key
inner join halves on spread.post_key = halves.post_key
left join shapes on spread.post_key = shapes.post_key
