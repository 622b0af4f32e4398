"""Settings: one TOML file and the environment, checked at start, every problem listed at once."""

from tahuri.settings.loading import SettingsError, checked, load
from tahuri.settings.model import Settings
from tahuri.settings.rows import CalledNumber, Gateway, Overflow, SipSeat, Trunk

__all__ = [
    "CalledNumber",
    "Gateway",
    "Overflow",
    "Settings",
    "SettingsError",
    "SipSeat",
    "Trunk",
    "checked",
    "load",
]
