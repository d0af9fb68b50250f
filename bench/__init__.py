"""Measurements that are too long for the tests; each writes a table to the terminal and its numbers to bench/results/."""
