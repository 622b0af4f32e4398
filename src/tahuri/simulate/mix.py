"""How often what happens, by Ambon's own published figures.  Tables only.

Genuine reports by topic: September and October 2025, and by district: September to December 2025
(press statements of the city, listed in ``docs/simulate.md``).  Noise: Jakarta 2024, 637,292 calls
of which 6,317 real, 370,817 dropped and 114,863 to 144,863 pranks; the published rest is silent
calls and questions, and its halving is our guess.  A real centre has a hundred noise calls for one
real one; the synthetic city has as many as ``noise_share`` asks for, so that a demo lives.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

Topic = Literal[
    "medical",
    "traffic",
    "brawl",
    "disturbance",
    "alcohol",
    "crime",
    "disaster",
    "tree",
    "fire",
    "odgj",
    "power",
    "crowd",
    "hearse",
]
NoiseKind = Literal["queue", "early", "prank", "ghost", "information"]
"""``queue``: gone before the answer; ``early``: gone right after it; ``ghost``: says nothing."""

TOPICS: Final[Mapping[Topic, int]] = MappingProxyType(
    {
        "medical": 58,
        "traffic": 15,
        "brawl": 17,
        "disturbance": 13,
        "alcohol": 11,
        "crime": 7,
        "disaster": 15,
        "tree": 7,
        "fire": 12,
        "odgj": 15,
        "power": 4,
        "crowd": 18,
        "hearse": 3,
    }
)
NOISE: Final[Mapping[NoiseKind, int]] = MappingProxyType(
    {
        "queue": 185_409,
        "early": 185_408,
        "prank": 129_863,
        "ghost": 65_148,
        "information": 65_147,
    }
)
"""Dropped calls halved between those gone before and right after the answer (our guess)."""

DISTRICTS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "81.71.01": 118,  # Nusaniwe
        "81.71.02": 232,  # Sirimau
        "81.71.03": 55,  # Baguala
        "81.71.04": 62,  # Teluk Ambon
        "81.71.05": 3,  # Leitimur Selatan
    }
)
"""Reports by Kemendagri code of the kecamatan."""

RHYTHM: Final = (
    *(0.51, 0.42, 0.37, 0.35, 0.34, 0.39, 0.61, 0.96, 1.22, 1.28, 1.31, 1.34),
    *(1.45, 1.44, 1.45, 1.48, 1.57, 1.57, 1.39, 1.18, 1.06, 0.91, 0.79, 0.62),
)
"""Calls in each hour of the day against the day's mean: 99,492 calls to 911 in Montgomery County,
PA, December 2015 to August 2016 (montcoalert.org / M. Chirico, ODbL).  No Indonesian city has
published its own."""

LOCATED_SHARE: Final = 0.06
"""Calls that bring a place (PIDF-LO).  In Ambon none does yet; enough that one is seen."""
WITHHELD_SHARE: Final = 0.05
NO_NUMBER_SHARE: Final = 0.03
"""Calls from phones without a SIM."""
AMBONESE_SHARE: Final = 0.3
REDIAL_SHARE: Final = 0.3
"""Of the genuine callers, those who hang up in the queue once and ring again."""
PRANKSTERS: Final = 6
"""Nuisance comes from few numbers that ring again and again."""
