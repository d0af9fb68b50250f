-- One row per campaign that has begun before the as-of instant: its UTC days, and what it is compared with. Day 0 is its first day.
-- A control that data can follow is written `network:<platform>` or `segment:<name>`; anything else names the comparison in words only.
with campaigns as (
    select * from {{ ref('stg_campaigns') }}
),

run as (
    select as_of_date, as_of_at from {{ ref('int_run') }}
)

select
    campaigns.campaign_id,
    campaigns.campaign_name,
    campaigns.control,
    case
        when lower(campaigns.control) like 'network:%' then 'network'
        when lower(campaigns.control) like 'segment:%' then 'segment'
    end as control_kind,
    case when lower(campaigns.control) like 'network:%' or lower(campaigns.control) like 'segment:%' then lower(trim(substr(campaigns.control, 9))) end as control_name,
    campaigns.asked_action,
    coalesce(campaigns.is_incentivised, false) as is_incentivised,
    coalesce(campaigns.is_promotional, false) as is_promotional,
    -- Without a post, a hashtag or a link no event can be told to belong to it.
    {%- for names in ['post_ids', 'hashtags', 'link_patterns'] %}
    {{ 'or ' if not loop.first }}coalesce({{ list_to_text('campaigns.' ~ names) }}, '') <> ''{{ ' as is_traceable,' if loop.last }}
    {%- endfor %}
    coalesce(campaigns.ends_at <= run.as_of_at, false) as is_over,
    cast(campaigns.starts_at as date) as first_day,
    -- `ends_at` is the first instant after it; a campaign without an end lasts.
    case when campaigns.ends_at > campaigns.starts_at then cast({{ shift_days('campaigns.ends_at', '-0.0000001') }} as date) else run.as_of_date end as last_day,
    {{ days_between('cast(campaigns.starts_at as date)', 'run.as_of_date') }} as as_of_day_number,
    campaigns.starts_at,
    campaigns.ends_at
from campaigns
cross join run
where campaigns.starts_at < run.as_of_at
