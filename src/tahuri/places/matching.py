"""What it costs to take a typed text for a name.  Pure.

A name is compared as a whole (``batumerah`` is *Batu Merah*) and word by word (``haulussy`` is
*RSUD Dr. M. Haulussy*); the cheaper counts.  0 is the name itself, written so.
"""

import re
from typing import Literal

from msgspec import Struct

from tahuri.places.spelling import FOLDED_COST, NEVER, folded, normalised, word_cost

Match = Literal["exact", "prefix", "variant", "similar", "coordinates"]
WORDS_MAX = 8
"""More words of a query are not looked at."""
CORE_COST = 0.02
"""Equal but for the type word: *Rijali* for Jalan Rijali."""
WRONG_KIND_COST = 0.6
"""*Jalan Rijali* for the kelurahan."""
UNSAID_COST = 0.15
"""For each word of a name that was not typed."""
CONTEXT_COST = 0.25
"""For a typed word that is the place's ward or district instead of its name."""
UNKNOWN_COST = 1.2
"""For a typed word that means nothing to us, beside others that do."""
ALT_COST = 0.01
"""For a name that is not the official one."""

LOCALITIES = ("kelurahan", "negeri", "neighbour", "settlement")
KINDS_OF_WORD: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("jalan", "jl", "jln", "jalang"), ("street",)),
    **dict.fromkeys(("gang", "gg", "lorong", "lrg"), ("street",)),
    **dict.fromkeys(("jembatan", "jembatang", "jbt"), ("bridge",)),
    **dict.fromkeys(("negeri", "neg", "desa", "ds"), ("negeri", "neighbour")),
    **dict.fromkeys(("kelurahan", "kel"), ("kelurahan",)),
    **dict.fromkeys(("kecamatan", "kec"), ("kecamatan",)),
    "kota": ("kota",),
    **dict.fromkeys(("dusun", "kampung", "kampong"), LOCALITIES),
    **dict.fromkeys(("rs", "rsu", "rsud", "rsup", "rsal", "rst", "rskd"), ("hospital",)),
    **dict.fromkeys(("puskesmas", "pkm", "pusk"), ("health_centre",)),
    **dict.fromkeys(("pos", "polsek", "polresta", "kantor", "markas"), ("station",)),
    "pelabuhan": ("port",),
    "bandara": ("airport",),
}
"""Words in front of a name that say what it is."""
TITLES = {"dr", "prof", "ir", "mr", "drs", "jend", "tk"}
"""Words of a name that nobody misses."""
FILLERS = {"di", "dekat", "depan", "samping", "sebelah"}
NEIGHBOURHOOD = re.compile(r"\br[tw]\.?\s*\d+\b", re.IGNORECASE)
"""RT and RW numbers: they belong to the address, no name has them."""
HOSPITAL = re.compile(r"\brumah? sakit?\b")
AIRPORT = re.compile(r"\bbandar udara\b")


class Typed(Struct, frozen=True):
    """A query or a name, ready to be compared."""

    words: tuple[str, ...]
    core: tuple[str, ...]
    """The words without the type words in front."""
    kinds: frozenset[str]
    """The kinds that the type words name; empty without such a word."""
    whole: str
    """The words written as one."""
    core_whole: str


def typed(text: str) -> Typed:
    """A text as words; numbers of RT and RW and filler words are dropped."""
    plain = HOSPITAL.sub("rs", normalised(NEIGHBOURHOOD.sub(" ", text)))
    words = AIRPORT.sub("bandara", plain).split()[:WORDS_MAX]
    words = [word for word in words if word not in FILLERS] or words
    at = 0
    while at < len(words) - 1 and words[at] in KINDS_OF_WORD:
        at += 1
    kinds = frozenset(kind for word in words[:at] for kind in KINDS_OF_WORD[word])
    core = tuple(words[at:])
    return Typed(tuple(words), core, kinds, "".join(words), "".join(core))


WordCosts = dict[tuple[str, str], float]
"""(typed, name) → cost, of words and of names written as one; hopeless pairs are absent."""


def place_cost(
    query: Typed, forms: tuple[Typed, ...], kind: str, context: tuple[str, ...], costs: WordCosts
) -> float:
    """The cost of taking a query for a place; ``NEVER`` or more if it cannot be meant.

    Args:
        forms: the official name first, then others.
        context: words of the place's ward and district.
    """
    best = NEVER
    for at, form in enumerate(forms):
        cost = min(whole_cost(query, form, costs), by_words_cost(query, form, context, costs))
        best = min(best, cost + (ALT_COST if at else 0.0))
    wrong = bool(query.kinds) and kind not in query.kinds and best > 0
    return best + (WRONG_KIND_COST if wrong else 0.0)


def whole_cost(query: Typed, form: Typed, costs: WordCosts) -> float:
    """Cost of the two as one word each, with and without their type words."""
    if query.whole == form.whole:
        return 0.0
    core = costs.get((query.core_whole, form.core_whole), NEVER) + CORE_COST
    return core if query.kinds else min(core, costs.get((query.whole, form.whole), NEVER))


def by_words_cost(query: Typed, form: Typed, context: tuple[str, ...], costs: WordCosts) -> float:
    """Cost of each typed word against the name's words, then against ward and district."""
    free = list(form.core)
    total, known, unknown = 0.0, 0, 0
    for word in query.core:
        cost, name = min(
            ((costs.get((word, one), NEVER), one) for one in free), default=(NEVER, "")
        )
        if cost < NEVER:
            free.remove(name)
            total += cost
            known += 1
        else:
            beside = min((costs.get((word, one), NEVER) for one in context), default=NEVER)
            unknown += beside == NEVER
            total += min(CONTEXT_COST + beside, UNKNOWN_COST)
    if not known or 2 * unknown > len(query.core):
        return NEVER
    unsaid = [name for name in free if name not in TITLES and len(name) > 1]
    return total + CORE_COST + UNSAID_COST * len(unsaid)


def match_of(query: Typed, forms: tuple[Typed, ...], context: tuple[str, ...]) -> Match:
    """How a place that was found agrees with the query."""
    if any(query.whole == f.whole or query.core_whole == f.core_whole for f in forms):
        return "exact"
    whole, core = folded(query.whole), folded(query.core_whole)
    if any(whole == folded(f.whole) or core == folded(f.core_whole) for f in forms):
        return "variant"
    for form in forms:
        if form.whole.startswith(query.whole) or form.core_whole.startswith(query.core_whole):
            return "prefix"
        names = (*form.words, *context)
        if all(any(name.startswith(word) for name in names) for word in query.core):
            return "prefix"
    close = [
        min((word_cost(word, name, False) for f in forms for name in f.words), default=NEVER)
        for word in query.core
    ]
    return "variant" if all(cost <= FOLDED_COST for cost in close) else "similar"
