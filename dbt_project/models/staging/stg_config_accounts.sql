{{ newest_load_rows('config_accounts', ['account_platform', 'account_id', 'handle', 'role', 'answers_for_brand', 'responder_id', 'valid_from', 'valid_to']) }}
