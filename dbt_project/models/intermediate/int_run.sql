-- One row: what this build is about. `as_of_at` is the first instant that no longer counts.
with settings as (
    select
        max(case when name = 'timezone' then value end) as timezone,
        max(case when name = 'working_days' then value end) as working_days,
        max(case when name = 'work_start' then value end) as work_start,
        max(case when name = 'work_end' then value end) as work_end,
        max(case when name = 'holidays' then value end) as holidays,
        max(case when name = 'staff_naming_basis' then value end) as staff_naming_basis
    from {{ ref('stg_config_settings') }}
),

loads as (
    {{ accepted_loads() }}
),

pulled as (
    select count(*) as pulled_load_count from loads where loads.platform not in ('config', 'business', 'fifty')
),

parameters as (
    select parameters_version from {{ ref('int_parameters') }}
)

select
    cast('{{ run_value("brand", "unnamed") }}' as string) as brand,
    parameters.parameters_version,
    coalesce(settings.timezone, 'UTC') as timezone,
    settings.working_days,
    settings.work_start,
    settings.work_end,
    coalesce(settings.holidays, '') as holidays,
    nullif(trim(settings.staff_naming_basis), '') as staff_naming_basis,
    cast(pulled.pulled_load_count as bigint) as pulled_load_count,
    {{ as_of() }} as as_of_date,
    cast({{ add_days(as_of(), 1) }} as timestamp) as as_of_at,
    {{ known_at() }} as known_at
from settings
cross join pulled
cross join parameters
