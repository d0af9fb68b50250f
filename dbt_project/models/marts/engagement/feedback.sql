with posts as (
    select post_key, platform, kind, author_side, author_person_id, text, url, is_deleted, published_date, published_at from {{ ref('posts') }}
),

run as (
    select * from {{ ref('int_run') }}
),

-- The newest word of anybody on each label; a value that is no plain yes is what that person wrote down.
labels as (
    select
        entity_id as post_key,
        label,
        case when lower(trim(value)) not in ('true', 'yes', '1') then trim(value) end as words,
        lower(trim(value)) not in ('false', 'no', '0', '') as is_true,
        labelled_at,
        row_number() over (partition by entity_id, label order by labelled_at desc nulls last, labelled_by, value) as label_rank
    from {{ ref('stg_labels') }}
    where entity = 'post' and label in ('feedback', 'resolved') and value is not null
),

heard as (
    select * from labels where label = 'feedback' and label_rank = 1 and is_true
),

done as (
    select * from labels where label = 'resolved' and label_rank = 1 and is_true
)

select
    posts.post_key,
    posts.platform,
    posts.kind,
    posts.author_person_id as person_id,
    posts.text,
    posts.url,
    heard.words as heard_text,
    done.words as done_text,
    run.parameters_version,
    done.post_key is not null as is_done,
    posts.is_deleted,
    posts.published_date as said_date,
    run.as_of_date,
    posts.published_at as said_at,
    heard.labelled_at as heard_at,
    done.labelled_at as done_at
from heard
cross join run
inner join posts on heard.post_key = posts.post_key and posts.author_side in ('audience', 'unidentified')
left join done on heard.post_key = done.post_key
