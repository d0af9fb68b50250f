with settings as (
    select name, value from {{ ref('stg_config_settings') }} where name like 'calibration.%'
),

run as (
    select * from {{ ref('int_run') }}
)

select
    {{ json_text('settings.value', 'measure') }} as measure,
    {{ json_text('settings.value', 'item') }} as item,
    {{ json_text('settings.value', 'note') }} as note,
    run.parameters_version,
    round(try_cast({{ json_text('settings.value', 'value') }} as double), 9) as value,
    round(try_cast({{ json_text('settings.value', 'low') }} as double), 9) as low,
    round(try_cast({{ json_text('settings.value', 'high') }} as double), 9) as high,
    try_cast({{ json_text('settings.value', 'count') }} as bigint) as member_count,
    try_cast({{ json_text('settings.value', 'as_of') }} as date) as fitted_as_of_date,
    run.as_of_date
from settings
cross join run
