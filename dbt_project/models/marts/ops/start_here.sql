with questions as (
    select * from {{ ref('questions') }}
),

pages as (
    {{ mart_pages() }}
),

run as (
    select * from {{ ref('int_run') }}
),

-- The questions everybody asks, in their order; then every other mart with its own.
numbered as (
    select
        questions.question_number,
        questions.question,
        questions.mart,
        questions.query,
        questions.caveat,
        pages.grain,
        pages.formula,
        pages.not_for
    from questions
    left join pages on questions.mart = pages.mart
    union all
    select
        100 + row_number() over (order by pages.mart) as question_number,
        pages.question,
        pages.mart,
        pages.query,
        pages.caveat,
        pages.grain,
        pages.formula,
        pages.not_for
    from pages
    left join questions on pages.mart = questions.mart
    where pages.mart is not null and questions.mart is null
)

select
    cast(numbered.question_number as bigint) as question_number,
    numbered.question,
    numbered.mart,
    numbered.query,
    numbered.caveat,
    numbered.grain,
    numbered.formula,
    numbered.not_for,
    run.parameters_version,
    run.as_of_date
from numbered
cross join run
