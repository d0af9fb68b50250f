-- One row per row of the files.
-- into: outreach
select
    line,
    item.outreach_id,
    item.person_ref,
    item.contacted_by,
    item.contacted_at,
    item.channel,
    item.answered_at,
    item.note,
from items
