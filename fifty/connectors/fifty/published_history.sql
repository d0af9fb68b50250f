-- One row per published row of history: about whom, of which period, in which series, and its revision.
-- into: published_history
select
    line,
    item.history,
    item.subject_id,
    item.period_date,
    item.series,
    item.revision,
    item.cause,
    item.stage,
    item.living_count,
    item.living_weighted,
    item.conversing_count,
    item.engaged_count,
    item.strength,
    item.exchange_day_count,
    item.is_living,
    item.said_as_of_date,
from items
