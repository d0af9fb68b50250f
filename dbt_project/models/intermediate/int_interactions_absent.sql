{{ ended_by_absence('interactions', ['platform', 'interaction_id']) }}
