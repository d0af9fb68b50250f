-- One row per pair of platforms in alphabetical order: real people known on each, and people who said that accounts on both are theirs (M10).
-- Only what people volunteered about their own accounts is used: no name, picture or word is ever compared.
with members as (
    select person_id, platform, link_rule from {{ ref('int_person_members') }} where not is_deleted
),

persons as (
    select person_id, p_real from {{ ref('int_persons') }} where not is_deleted
),

parameters as (
    select least_p_real from {{ ref('int_parameters') }}
),

presences as (
    select distinct members.person_id, members.platform, members.link_rule = 'stated_account' as is_stated
    from members
    cross join parameters
    inner join persons on members.person_id = persons.person_id and persons.p_real >= parameters.least_p_real
),

sizes as (
    select platform, count(distinct person_id) as person_count from presences group by platform
),

platforms as (
    select distinct platform from {{ ref('int_account_roles') }} where role = 'brand'
),

links as (
    select firsts.platform as first_platform, seconds.platform as second_platform, count(*) as linked_person_count
    from presences as firsts
    inner join presences as seconds on firsts.person_id = seconds.person_id and firsts.platform < seconds.platform
    where firsts.is_stated and seconds.is_stated
    group by firsts.platform, seconds.platform
)

select
    firsts.platform as first_platform,
    seconds.platform as second_platform,
    coalesce(first_sizes.person_count, 0) as first_person_count,
    coalesce(second_sizes.person_count, 0) as second_person_count,
    coalesce(links.linked_person_count, 0) as linked_person_count
from platforms as firsts
inner join platforms as seconds on firsts.platform < seconds.platform
left join sizes as first_sizes on firsts.platform = first_sizes.platform
left join sizes as second_sizes on seconds.platform = second_sizes.platform
left join links on firsts.platform = links.first_platform and seconds.platform = links.second_platform
