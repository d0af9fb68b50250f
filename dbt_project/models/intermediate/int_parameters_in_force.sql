-- Defaults of the seed, overridden by `parameter.<name>` of the brand's configuration. A value that is no number is refused, and said.
with settings as (
    select name, value from {{ ref('stg_config_settings') }}
),

parameters as (
    select * from {{ ref('parameter_defaults') }}
),

overridden as (
    select
        parameters.parameter_name,
        parameters.measure,
        parameters.unit,
        parameters.source,
        parameters.evidence_label,
        parameters.description,
        settings.value as override_text,
        case
            when settings.value is not null and calibrated.value is not null then 'calibration as of ' || calibrated.value
            when settings.value is not null then 'configuration'
        end as override_source,
        case when settings.value is not null and try_cast(settings.value as double) is null then 'not a number: the default is used' end as override_problem,
        coalesce(try_cast(settings.value as double), parameters.default_value) as value,
        parameters.default_value
    from parameters
    left join settings on settings.name = 'parameter.' || parameters.parameter_name
    left join settings as calibrated on calibrated.name = 'calibrated.' || parameters.parameter_name
)

select
    *,
    -- Decimal text is the same on every engine; a double as text is not.
    parameter_name || '=' || cast(cast(value as decimal(28, 9)) as string) as assignment
from overridden
