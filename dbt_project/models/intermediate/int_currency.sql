-- One row: the currency in which the brand counts. Amounts in another are never added to it, nor converted.
select max(case when name = 'currency' then value end) as currency from {{ ref('stg_config_settings') }}
