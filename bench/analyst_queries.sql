-- Twenty questions to one published file, each under the line that asks it. bench/performance.py runs them.

-- 1. Who are the fifty, and what should be done next?
select rank, display_name, profile_url, strength, reason_text, suggested_action from relationships.the_fifty order by rank;

-- 2. How many living relationships are there, and why did the number move?
select as_of_date, living_count, previous_count, new_count, reactivated_count, lapsed_count
from relationships.living_relationships_daily
order by as_of_date desc
limit 28;

-- 3. Who joined and who left in the last seven days?
select flow, display_name, profile_url, last_exchange_at, flow_reason from relationships.living_people where flow <> 'kept' order by flow, person_id;

-- 4. Who waits for an answer, longest first?
select asked_at, platform, display_name, profile_url, ask_text, ask_url
from engagement.response_times
where is_waiting
order by asked_at, ask_post_key
limit 100;

-- 5. How fast do we answer in business hours, this month against last?
select period_start_date, ask_count, median_business_seconds / 3600 as median_business_hours, is_too_few
from engagement.response_summary
where period_kind = 'month' and platform = 'all'
order by period_start_date desc
limit 2;

-- 6. Why is the strongest person so strong?
select event_at, direction, kind, contribution, url
from relationships.strength_evidence
where person_id = (select person_id from relationships.the_fifty where rank = 1)
order by contribution desc, event_id;

-- 7. Which format and hour makes people talk?
select media_type, published_hour, count(*) as post_count, avg(comment_count) as comments_per_post
from engagement.posts
where author_side = 'brand' and is_settled and not is_deleted and comment_count is not null
group by media_type, published_hour
order by comments_per_post desc, media_type, published_hour;

-- 8. What was the net follower growth per network and month?
select platform, date_trunc('month', audience_date) as growth_month, sum(net_follower_change) as net_follower_change
from engagement.audience_daily
group by all
order by platform, growth_month;

-- 9. Whose voice speaks about us?
select week_start_date, earned_message_count, owned_message_count, paid_message_count, earned_share
from engagement.share_of_voice_weekly
where platform = 'all'
order by week_start_date desc;

-- 10. May I believe the figures of last week?
select platform, stream, completeness_state, coverage, reason
from ops.completeness
where window_end_date >= (select max(as_of_date) - 7 from ops.parameters)
order by is_believable, platform, stream
limit 200;

-- 11. Which posts of the brand drew the most answers in the last thirty days?
select url, published_at, comment_count, like_count, reshare_count
from engagement.posts
where author_side = 'brand' and published_date > as_of_date - 30 and comment_count is not null
order by comment_count desc, post_key
limit 20;

-- 12. Do likes go with answers? Correlation over settled posts of the brand.
select platform, count(*) as post_count, corr(like_count, comment_count) as likes_with_comments
from engagement.posts
where author_side = 'brand' and is_settled and comment_count is not null and like_count is not null
group by platform
order by platform;

-- 13. At which hour of the day are asks answered fastest?
select hour(asked_at) as asked_hour, count(*) as ask_count, median(response_seconds) as median_seconds, avg(is_answered::integer) as answered_rate
from engagement.response_times
group by asked_hour
order by asked_hour;

-- 14. Who answers most, and how fast?
select responder_id, count(*) as answer_count, quantile_cont(response_seconds, 0.9) as nine_of_ten_seconds
from engagement.response_times
where is_answered
group by responder_id
order by answer_count desc, responder_id;

-- 15. How many people are in touch with us on more than one network?
select platforms_text, count(*) as person_count, sum(exchange_day_count) as exchange_days
from relationships.people
group by platforms_text
order by person_count desc;

-- 16. How is strength distributed?
select decile, count(*) as person_count, min(strength) as least, max(strength) as most
from (
    select strength, ntile(10) over (order by strength) as decile from relationships.relationship_strength where strength > 0
) as deciles
group by decile
order by decile;

-- 17. Who was strong and has gone silent?
select people.display_name, people.profile_url, strengths.strength, people.last_in_at
from relationships.relationship_strength as strengths
inner join relationships.people on strengths.person_id = people.person_id
where people.last_in_at < people.as_of_date - interval 60 day and people.exchange_day_count >= 3
order by strengths.strength desc, strengths.person_id
limit 50;

-- 18. How did the last thirteen weeks of engagement go, per network?
select platform, date_trunc('week', activity_date) as activity_week, sum(in_reply_count) as replies, sum(in_like_count) as likes
from engagement.engagement_daily
where activity_date > as_of_date - 91
group by all
order by platform, activity_week;

-- 19. Which conversations were long, and was the brand's share of them fair?
select root_url, message_count, participant_count, brand_share, depth
from engagement.conversations
where is_conversation and not is_too_few
order by message_count desc, root_post_key
limit 25;

-- 20. Everything about one person whose handle I know.
select handles.handle, people.first_event_at, people.in_event_count, people.out_event_count, strengths.strength, strengths.strength_rank
from relationships.handles
inner join relationships.people on handles.person_id = people.person_id
left join relationships.relationship_strength as strengths on handles.person_id = strengths.person_id
where handles.handle = (select handle from relationships.the_fifty where rank = 7)
order by handles.account_key;
