-- One row per length of the list that is compared with the crowd (M8.1): the one in force, and those of the sensitivity.
with parameters as (
    select cast(list_size as bigint) as list_size from {{ ref('int_parameters') }}
),

lengths as (
    select cast(10 as bigint) as list_size
    union all
    select cast(25 as bigint) as list_size
    union all
    select cast(50 as bigint) as list_size
    union all
    select cast(100 as bigint) as list_size
    union all
    select cast(250 as bigint) as list_size
)

select lengths.list_size, false as is_main
from lengths
cross join parameters
where lengths.list_size <> parameters.list_size
union all
select list_size, true as is_main from parameters
