with run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select least_denominator from {{ ref('int_parameters') }}
),

-- First messages that the brand published and that are old enough to be compared. What nobody labelled and no campaign names is not known to be promotional.
settled as (
    select
        {{ month_start('posts.published_date') }} as month_start_date,
        posts.platform,
        case when posts.is_promotional then 'promotional' else 'other' end as post_class,
        posts.comment_count,
        posts.reshare_count,
        posts.like_count,
        case when posts.follower_count_at_posting > 0 then posts.follower_count_at_posting end as follower_count
    from {{ ref('posts') }} as posts
    where posts.author_side = 'brand' and not posts.is_deleted and posts.is_settled and posts.kind in ('post', 'quote') and posts.post_key = posts.root_post_key
),

scoped as (
    select * from settled
    union all
    select month_start_date, 'all' as platform, post_class, comment_count, reshare_count, like_count, follower_count from settled
),

classed as (
    select * from scoped
    union all
    select month_start_date, platform, 'all' as post_class, comment_count, reshare_count, like_count, follower_count from scoped
),

summed as (
    select
        month_start_date,
        platform,
        post_class,
        count(*) as post_count,
        coalesce(sum(comment_count), 0) as comment_count,
        count(reshare_count) as reshare_post_count,
        sum(reshare_count) as reshare_count,
        count(like_count) as like_post_count,
        sum(like_count) as like_count,
        count(follower_count) as follower_post_count,
        sum(follower_count) as follower_sum,
        sum(case when follower_count is not null then comment_count end) as followed_comment_count,
        sum(case when follower_count is not null then reshare_count end) as followed_reshare_count,
        sum(case when reshare_count is not null then follower_count end) as reshare_follower_sum,
        sum(case when follower_count is not null then like_count end) as followed_like_count,
        sum(case when like_count is not null then follower_count end) as like_follower_sum
    from classed
    group by month_start_date, platform, post_class
)

select
    summed.month_start_date,
    summed.platform,
    summed.post_class,
    case when summed.reshare_post_count = 0 then 'the platform tells no reshares of these posts' end as amplification_reason,
    case when summed.like_post_count = 0 then 'the platform tells no likes of these posts' end as applause_reason,
    case when summed.follower_post_count = 0 then 'how many followed when they were posted is not known' end as follower_reason,
    run.parameters_version,
    summed.post_count,
    cast(summed.comment_count as bigint) as comment_count,
    summed.reshare_post_count,
    cast(summed.reshare_count as bigint) as reshare_count,
    summed.like_post_count,
    cast(summed.like_count as bigint) as like_count,
    summed.follower_post_count,
    cast(summed.follower_sum as bigint) as follower_sum,
    round(cast(summed.comment_count as double) / summed.post_count, 9) as conversation_rate,
    round(cast(summed.reshare_count as double) / nullif(summed.reshare_post_count, 0), 9) as amplification_rate,
    round(cast(summed.like_count as double) / nullif(summed.like_post_count, 0), 9) as applause_rate,
    round(cast(summed.followed_comment_count as double) / nullif(summed.follower_sum, 0) * 1000, 9) as conversation_per_1000_followers,
    round(cast(summed.followed_reshare_count as double) / nullif(summed.reshare_follower_sum, 0) * 1000, 9) as amplification_per_1000_followers,
    round(cast(summed.followed_like_count as double) / nullif(summed.like_follower_sum, 0) * 1000, 9) as applause_per_1000_followers,
    summed.post_count < parameters.least_denominator as is_too_few,
    {{ add_days(month_start(add_days('summed.month_start_date', '31')), '-1') }} <= run.as_of_date as is_whole_month,
    run.as_of_date
from summed
cross join run
cross join parameters
