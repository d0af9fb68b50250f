-- One row per account that any accepted row names: the rules of M6.3, each its own boolean, NULL where what the platform tells does not decide it.
-- A rule is observable when its answer is certain: a message we hold proves that an account has posted, but only most of its posts show its habits.
with accounts as (
    select * from {{ ref('int_accounts') }}
),

profiles as (
    select
        platform || ':' || account_id as account_key,
        location,
        following_count,
        post_count,
        created_at,
        try_cast({{ json_text('attributes', 'has_default_picture') }} as boolean) as has_default_picture,
        try_cast({{ json_text('attributes', 'has_bio') }} as boolean) as has_bio,
        try_cast({{ json_text('attributes', 'last_post_date') }} as date) as last_post_date
    from {{ ref('stg_accounts') }}
),

run as (
    select as_of_at, as_of_date from {{ ref('int_run') }}
),

parameters as (
    select * from {{ ref('int_parameters') }}
),

insiders as (
    select distinct roles.account_key
    from {{ ref('int_account_roles') }} as roles
    cross join run
    where roles.side in ('brand', 'internal') and roles.begins_at < run.as_of_at and roles.ends_at >= run.as_of_at
),

-- What we hold of the account's own: direct messages are no posts, and the brand's side is not judged.
messages as {{ inlined() }} (
    select
        author_account_key as account_key,
        post_key,
        lower(trim(text)) as text,
        coalesce({{ list_to_text('link_urls') }}, '') <> '' as has_link,
        published_at
    from {{ ref('int_posts_kept') }}
    where author_side = 'audience' and kind <> 'message' and not is_deleted
),

written as (
    select
        account_key,
        count(*) as message_count,
        count(case when has_link then 1 end) as link_message_count,
        max(published_at) as last_written_at
    from messages
    group by account_key
),

repeated as (
    select account_key, max(same_text_count) as most_repeated_count
    from (
        select messages.account_key, count(*) as same_text_count
        from messages
        cross join parameters
        where length(messages.text) >= parameters.quality_least_repeat_length
        group by messages.account_key, messages.text
    ) as same_texts
    group by account_key
),

reshared as (
    select reshares.platform || ':' || reshares.actor_account_id as account_key, count(*) as reshare_count
    from {{ ref('stg_interactions') }} as reshares
    cross join run
    where reshares.kind = 'reshare' and reshares.actor_account_id is not null and reshares.ended_at is null
        and coalesce(reshares.occurred_at, reshares.first_observed_at) < run.as_of_at
    group by reshares.platform || ':' || reshares.actor_account_id
),

reviews as (
    select
        entity_id as account_key,
        lower(value) in ('true', 'yes', '1') as is_fake,
        row_number() over (partition by entity_id order by labelled_at desc nulls last, labelled_by, value) as review_rank
    from {{ ref('stg_labels') }}
    where label = 'fake' and entity in ('account', 'person')
),

known as (
    select
        accounts.account_key,
        accounts.platform,
        accounts.follower_count,
        profiles.following_count,
        profiles.post_count,
        coalesce(written.message_count, 0) as message_count,
        coalesce(written.link_message_count, 0) as link_message_count,
        coalesce(reshared.reshare_count, 0) as reshare_count,
        coalesce(repeated.most_repeated_count, 0) as most_repeated_count,
        profiles.location is not null as has_location,
        profiles.has_bio,
        profiles.has_default_picture,
        accounts.is_automated or accounts.is_suspended as is_stated,
        insiders.account_key is null as is_external,
        reviews.is_fake as is_reviewed_fake,
        profiles.last_post_date,
        cast(written.last_written_at as date) as last_written_date,
        profiles.created_at
    from accounts
    left join profiles on accounts.account_key = profiles.account_key
    left join insiders on accounts.account_key = insiders.account_key
    left join written on accounts.account_key = written.account_key
    left join repeated on accounts.account_key = repeated.account_key
    left join reshared on accounts.account_key = reshared.account_key
    left join reviews on accounts.account_key = reviews.account_key and reviews.review_rank = 1
),

catalogued as (
    select
        known.*,
        greatest(known.last_post_date, known.last_written_date) as last_known_date,
        coalesce(
            known.post_count > 0 and known.message_count + known.reshare_count >= parameters.quality_least_catalogue * known.post_count, false
        ) as has_known_catalogue
    from known
    cross join parameters
),

spammed as (
    select account_key, count(distinct post_key) as spam_message_count
    from (
        select messages.account_key, messages.post_key
        from messages
        inner join catalogued on messages.account_key = catalogued.account_key and catalogued.has_known_catalogue
        cross join {{ ref('spam_phrases') }} as phrases
        where {{ contains_text('messages.text', 'phrases.phrase') }}
    ) as hits
    group by account_key
),

ruled as (
    select
        catalogued.*,
        -- The greater of NULL and 1 would be 1: an account whose followers are not told would follow too many.
        case when catalogued.follower_count is not null
            then catalogued.following_count >= parameters.quality_following_ratio * greatest(catalogued.follower_count, 1)
        end as has_following_excess,
        case when catalogued.has_known_catalogue
            then coalesce(spammed.spam_message_count, 0) > parameters.quality_spam_share * catalogued.message_count
        end as has_spam_phrases,
        case
            when catalogued.most_repeated_count > parameters.quality_most_repeats then true
            when catalogued.has_known_catalogue then false
        end as has_repeated_posts,
        case when catalogued.has_known_catalogue
            then catalogued.reshare_count > parameters.quality_reshare_share * (catalogued.message_count + catalogued.reshare_count)
        end as has_mostly_reshares,
        case when catalogued.has_known_catalogue
            then catalogued.link_message_count > parameters.quality_link_share * catalogued.message_count
        end as has_mostly_links,
        case
            when catalogued.message_count + catalogued.reshare_count > 0 then false
            when catalogued.post_count is not null then catalogued.post_count = 0
        end as has_never_posted,
        catalogued.has_default_picture
        and cast(catalogued.created_at as date) < {{ add_days('run.as_of_date', '-parameters.quality_picture_days') }} as has_old_default_picture,
        -- A platform without a field for the place leaves the decision to the text.
        not catalogued.has_bio and not catalogued.has_location
        and catalogued.following_count > parameters.quality_empty_following as has_empty_profile,
        case
            when catalogued.message_count >= parameters.quality_inactive_posts then false
            when catalogued.post_count is not null then catalogued.post_count < parameters.quality_inactive_posts
        end as has_few_posts,
        case
            when catalogued.last_known_date >= {{ add_days('run.as_of_date', '-parameters.quality_inactive_days') }} then false
            when catalogued.last_post_date is not null then true
        end as has_long_silence
    from catalogued
    cross join parameters
    cross join run
    left join spammed on catalogued.account_key = spammed.account_key
),

counted as (
    select
        ruled.*,
        {%- for rule in quality_rules() %}
        case when ruled.{{ rule }} is not null then 1 else 0 end{{ ' +' if not loop.last }}
        {%- endfor %} as observable_rule_count,
        {%- for rule in quality_rules() %}
        case when ruled.{{ rule }} then 1 else 0 end{{ ' +' if not loop.last }}
        {%- endfor %} as flagged_rule_count
    from ruled
)

select
    counted.account_key,
    counted.platform,
    cast(counted.observable_rule_count as bigint) as observable_rule_count,
    cast(counted.flagged_rule_count as bigint) as flagged_rule_count,
    counted.follower_count,
    counted.following_count,
    counted.post_count,
    counted.message_count,
    counted.reshare_count,
    {%- for rule in quality_rules() %}
    counted.{{ rule }},
    {%- endfor %}
    counted.has_few_posts or counted.has_long_silence as is_inactive,
    counted.has_known_catalogue,
    counted.observable_rule_count >= parameters.quality_least_rules as is_judged,
    case when counted.observable_rule_count >= parameters.quality_least_rules
        then counted.flagged_rule_count >= parameters.quality_flag_rules
    end as is_flagged,
    counted.is_stated,
    counted.is_external,
    counted.is_reviewed_fake,
    counted.created_at
from counted
cross join parameters
