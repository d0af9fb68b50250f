"""A brand world with a known truth, and the platforms that serve it over loopback HTTP.

Data flow: (seed, anchor date) -> behaviour -> timestamped events -> platform state as of a moment -> true-shaped HTTP answers,
with business CSV files and the recorded truth beside. Run it alone: ``python -m demo serve --dir DIR``.
This package knows nothing of the warehouse that reads it, on purpose: an examiner must not share the pupil's notes.
"""
