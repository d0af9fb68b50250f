"""How a world comes about: draws, presets, brands, people, what they say and like, what they take back, and the files of it.

Data flow: switches -> ``presets`` -> ``people`` and ``brands`` -> ``conversations``, ``receptions``, ``campaigns`` -> ``regrets`` -> ``generate`` -> a world folder.
All instants here are milliseconds since the world's first instant; ``generate`` adds the start.
"""
