-- One row per row of the files.
-- into: labels
select
    line,
    item.entity,
    item.entity_id,
    item.label,
    item."value",
    item.labelled_by,
    item.labelled_at,
from items
