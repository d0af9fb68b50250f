-- One row per person and group that is compared: the list in each of its lengths, all others with length 0.
-- `scaled_value` is what the person brought; what is seen of linked people only is scaled to the size of the group by its link rate (M8.1).
with members as (
    select * from {{ ref('int_verdict_groups') }}
),

list_sizes as (
    select * from {{ ref('int_verdict_lists') }}
),

-- The others are the same whatever the length of the list: they stand with size 0, and are drawn once.
placed as (
    select members.*, list_sizes.list_size
    from members
    inner join list_sizes on members.list_rank <= list_sizes.list_size
    where members.side = 'list'
    union all
    select members.*, cast(0 as bigint) as list_size
    from members
    where members.side <> 'list'
),

later_credits as (
    select count(case when coalesce(ledger.link_kind, 'none') <> 'account' then 1 end) > 0 as needs_links
    from {{ ref('int_value_ledger') }} as ledger
    cross join {{ ref('int_run') }} as run
    cross join {{ ref('int_parameters') }} as parameters
    where ledger.ledger = 'earned' and ledger.occurred_at >= {{ shift_days('run.as_of_at', '-parameters.verdict_days') }}
),

-- Where every conversion names an account nobody has to be linked, and there is no rate.
counted as (
    select
        placed.*,
        count(*) over (partition by placed.side, placed.list_size) as member_count,
        case when later_credits.needs_links
            then count(case when placed.is_linked then 1 end) over (partition by placed.side, placed.list_size)
        end as linked_count
    from placed
    cross join later_credits
)

select
    person_id,
    side,
    list_size,
    list_rank,
    named_amount + linked_amount as measured_value,
    round(named_amount + linked_amount * case when linked_count > 0 then cast(member_count as double) / linked_count else 1 end, 9) as scaled_value,
    conversion_count,
    referral_count,
    reply_count,
    click_count,
    reached_count,
    {{ share('linked_count', 'member_count') }} as link_rate
from counted
