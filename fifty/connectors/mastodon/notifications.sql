-- What happened to the account: favourites, boosts and follows with their time, and the statuses it is about.
with

-- A thousand favourites repeat the status they are about a thousand times: the last line of a load that holds it is enough.
last_told as (
    select line.load_id as load_id, item.status.id as status_id, max(line.seq) as seq from items where item.status.id is not null group by all
),

statuses_seen as (
    select
        items.line,
        items.item.status as status,
        coalesce(items.item.status.quote.quoted_status.id, items.item.status.quote.quoted_status_id) as quoted_id,
    from items
    inner join last_told
        on items.line.load_id = last_told.load_id and items.item.status.id = last_told.status_id and items.line.seq = last_told.seq
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
