"""Tahuri: the emergency call centre of a city."""

__version__ = "0.1.0"
