-- One row per campaign with a control and person of the control arm; everybody else is treated.
select windows.campaign_id, persons.person_id
from {{ ref('int_campaign_windows') }} as windows
inner join {{ ref('int_persons') }} as persons on windows.control_kind = 'network' and windows.control_name = persons.platform
union all
select windows.campaign_id, labels.person_id
from {{ ref('int_campaign_windows') }} as windows
inner join {{ ref('int_person_labels') }} as labels on windows.control_kind = 'segment' and windows.control_name = labels.segment
