{{ newest_rows(
    'published_history',
    key=['history', 'subject_id', 'period_date', 'series', 'revision'],
    columns=[
        'history', 'subject_id', 'period_date', 'series', 'revision', 'cause', 'stage', 'living_count', 'living_weighted', 'conversing_count', 'engaged_count',
        'strength', 'exchange_day_count', 'is_living', 'said_as_of_date',
    ],
) }}
