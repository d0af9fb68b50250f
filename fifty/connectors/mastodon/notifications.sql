-- What happened to the account: favourites, boosts and follows with their time, and the statuses it is about.
with

statuses_seen as (
    select line, item.status as status, coalesce(item.status.quote.quoted_status.id, item.status.quote.quoted_status_id) as quoted_id
    from items
    where item.status.id is not null
),

people_seen as (select line, item.account as person from items)

-- include: _statuses

-- include: _account

-- into: interactions
select
    line,
    concat_ws(
        '|',
        case item."type" when 'favourite' then 'like' when 'reblog' then 'reshare' else 'follow' end,
        item.account.id,
        case item."type" when 'follow' then scope.account_id else item.status.id end
    ) as interaction_id,
    case item."type" when 'favourite' then 'like' when 'reblog' then 'reshare' else 'follow' end as kind,
    item.account.id as actor_account_id,
    case item."type" when 'follow' then scope.account_id else item.status.account.id end as target_account_id,
    case when item."type" <> 'follow' then item.status.id end as post_id,
    item.created_at as occurred_at,
from items
where
    item.account.id is not null
    and ((item."type" in ('favourite', 'reblog') and item.status.id is not null) or (item."type" = 'follow' and scope.account_id is not null))
