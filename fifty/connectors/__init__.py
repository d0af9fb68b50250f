"""Connectors: one folder per platform."""
