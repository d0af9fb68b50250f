-- One row per row of the files.
-- into: person_facts
select
    line,
    item.person_ref,
    item.fact,
    item."value",
    item.source,
    item.basis,
    item.purpose,
    item.collected_at,
    item.expires_at,
    item.objected_at,
from items
