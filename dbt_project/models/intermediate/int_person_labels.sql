-- One row per person about whom business data say whether the company is interested, or to which segment the person belongs (M6.5, M6.6).
-- Only what somebody wrote down: nothing is inferred from what people say or like. The newest word on each label counts.
with refs as (
    select person_ref, person_id from {{ ref('int_person_refs') }}
),

labels as (
    select
        refs.person_id,
        labels.label,
        lower(trim(labels.value)) as value,
        row_number() over (
            partition by refs.person_id, labels.label
            order by labels.labelled_at desc nulls last, labels.labelled_by, labels.entity_id, labels.value
        ) as label_rank
    from {{ ref('stg_labels') }} as labels
    inner join refs on labels.entity_id = refs.person_ref
    where labels.entity in ('account', 'person') and labels.label in ('relevant', 'segment') and labels.value is not null
)

select
    person_id,
    max(case when label = 'segment' then value end) as segment,
    max(case when label = 'relevant' then case when value in ('true', 'yes', '1') then 1 else 0 end end) = 1 as is_relevant
from labels
where label_rank = 1
group by person_id
