"""Calls to the emergency number, from the first ring to the wrap-up."""
