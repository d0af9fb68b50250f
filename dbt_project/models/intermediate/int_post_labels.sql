-- One row per labelled message: the newest word of anybody on each label counts.
with labels as (
    select
        entity_id,
        label,
        lower(value) in ('true', 'yes', '1') as is_true,
        row_number() over (partition by entity_id, label order by labelled_at desc nulls last, labelled_by, value) as label_rank
    from {{ ref('stg_labels') }}
    where entity = 'post' and label in ('promotional', 'incentivised', 'positive')
)

select
    entity_id as post_key,
    max(case when label = 'promotional' then case when is_true then 1 else 0 end end) as promotional,
    max(case when label = 'incentivised' then case when is_true then 1 else 0 end end) as incentivised,
    max(case when label = 'positive' then case when is_true then 1 else 0 end end) as positive
from labels
where label_rank = 1
group by entity_id
