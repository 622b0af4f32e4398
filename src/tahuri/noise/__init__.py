"""Noise without harm: what a number's calls were, measures on it, and what they may cost."""
