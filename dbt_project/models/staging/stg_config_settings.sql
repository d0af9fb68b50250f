{{ newest_load_rows('config_settings', ['name', 'value']) }}
