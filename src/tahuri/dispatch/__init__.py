"""Which unit goes where: recommended, sent, acknowledged, on scene, released.

Longer than a slice should be: the recommendation (``ranking``, ``recommend``) is a third of it, and
stays here because sending a unit is decided by the very ranking that was shown.
"""
