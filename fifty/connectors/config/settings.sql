-- One row per setting.
-- into: config_settings
select
    line,
    item."name",
    item."value",
from items
