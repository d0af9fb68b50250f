with parameters as (
    select * from {{ ref('int_parameters_in_force') }}
),

run as (
    select * from {{ ref('int_run') }}
)

select
    parameters.parameter_name,
    parameters.measure,
    parameters.unit,
    parameters.source,
    parameters.evidence_label,
    parameters.description,
    parameters.override_text,
    parameters.override_problem,
    parameters.override_source,
    run.parameters_version,
    parameters.value,
    parameters.default_value,
    parameters.value <> parameters.default_value as is_overridden,
    run.as_of_date
from parameters
cross join run
