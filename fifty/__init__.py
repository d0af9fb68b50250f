"""Fifty: a relationship-quality warehouse for social platforms."""
