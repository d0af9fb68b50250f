with questions as (
    select * from {{ ref('questions') }}
),

run as (
    select * from {{ ref('int_run') }}
)

select
    questions.question_number,
    questions.question,
    questions.mart,
    questions.query,
    questions.caveat,
    run.parameters_version,
    run.as_of_date
from questions
cross join run
