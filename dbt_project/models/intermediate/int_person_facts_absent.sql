{{ ended_by_absence('person_facts', ['platform', 'person_ref', 'fact', 'value']) }}
