with completeness as (
    select * from {{ source('ops', 'completeness') }}
),

loads as (
    select load_id, load_status, observed_at from {{ source('ops', 'loads') }}
),

run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select believable_coverage from {{ ref('int_parameters') }}
),

known as (
    select
        md5(
            completeness.platform || '|' || coalesce(completeness.source_account_id, '') || '|' || completeness.stream || '|'
            || coalesce(completeness.load_id, '') || '|' || coalesce(cast(completeness.window_start as string), '') || '|'
            || coalesce(cast(completeness.window_end as string), '')
        ) as completeness_key,
        completeness.*,
        loads.load_status,
        case when completeness.expected_count > 0 and completeness.got_count is not null
            then round(cast(completeness.got_count as double) / completeness.expected_count, 9)
        end as coverage,
        run.as_of_date,
        run.parameters_version,
        parameters.believable_coverage
    from completeness
    cross join run
    cross join parameters
    left join loads on completeness.load_id = loads.load_id
    -- A load that was not made by then, or a window that had not ended, was not known.
    -- What publish remembers was asked of nobody.
    where completeness.platform <> 'fifty' and coalesce(loads.observed_at, completeness.window_end, run.known_at) <= run.known_at
)

select
    completeness_key,
    platform,
    source_account_id,
    stream,
    load_id,
    completeness_state,
    load_status,
    reason,
    parameters_version,
    expected_count,
    got_count,
    coverage,
    is_reachable,
    completeness_state in ('complete', 'legitimately_empty')
    and coalesce(load_status in ('accepted', 'warned'), false)
    and coalesce(coverage >= believable_coverage, true) as is_believable,
    cast(window_start as date) as window_start_date,
    cast(window_end as date) as window_end_date,
    as_of_date,
    window_start as window_start_at,
    window_end as window_end_at
from known
