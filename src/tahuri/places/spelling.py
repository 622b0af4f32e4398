"""How alike two spellings of a name are, for Indonesian and Ambonese Malay ears.  Pure.

A spelling is first *folded*: what people write in two ways becomes one (Hutumury and Hutumuri,
Hunuth and Hunut, Hatalai and Hatalae, pohon and pohong, merah and mera).  What is still different
is counted letter by letter, cheaply where Ambonese Malay differs from Indonesian: e and a, u and o.
"""

import re
import unicodedata
from functools import lru_cache
from math import ceil

FOLDS = (
    ("oe", "u"),
    ("dj", "j"),
    ("tj", "c"),
    ("ph", "p"),
    ("th", "t"),
    ("ck", "k"),
    ("ng", "n"),
    ("ai", "e"),
    ("ae", "e"),
    ("au", "o"),
    ("q", "k"),
    ("z", "s"),
    ("v", "f"),
)
"""Applied in this order.  ``ng`` → ``n`` stands for the final n that becomes ng."""
SILENT_AT_END = ("h", "k")
CLOSE = {
    "a": {"e": 0.4},
    "e": {"a": 0.4, "i": 0.5},
    "i": {"e": 0.5},
    "o": {"u": 0.4},
    "u": {"o": 0.4},
}
"""What one vowel costs in place of another, where that is less than 1."""
SILENT_COST = 0.4
"""A missing or added h."""
FOLDED_COST = 0.2
"""Folded alike, but not written alike."""
PREFIX_COST = 0.1
MISSING_COST = 0.02
"""For each letter that is not typed yet."""
NEVER = 99.0


def normalised(text: str) -> str:
    """Lower-case ASCII words with single spaces: what is compared."""
    marked = unicodedata.normalize("NFKD", text).replace("'", "").lower()
    plain = "".join([letter for letter in marked if not unicodedata.combining(letter)])
    return " ".join(re.findall(r"[a-z0-9]+", plain))


@lru_cache(maxsize=20_000)
def folded(word: str) -> str:
    """A word without the differences that spellings have."""
    single = re.sub(r"(.)\1+", r"\1", word.replace("y", "i"))
    for written, meant in FOLDS:
        single = single.replace(written, meant)
    while len(single) > 3 and single.endswith(SILENT_AT_END):
        single = single[:-1]
    return single


def cost_max(letters: int) -> float:
    """How much may differ in a word of so many letters."""
    if letters <= 3:
        return 0.4
    if letters <= 5:
        return 1.2
    return 2.2 if letters <= 8 else 2.8


def word_cost(typed: str, name: str, unfinished: bool) -> float:
    """How far a typed word is from a word of a name: 0 the same, ``NEVER`` something else.

    Args:
        unfinished: the word may still be in the making, so that a beginning counts.
    """
    if typed == name:
        return 0.0
    if unfinished and name.startswith(typed):
        return PREFIX_COST + MISSING_COST * (len(name) - len(typed))
    a, b = folded(typed), folded(name)
    if min(len(typed), len(name)) < 3:
        return NEVER  # two letters are alike with everything
    if a == b:
        return FOLDED_COST
    limit = cost_max(len(a))
    unfinished = unfinished and len(a) > 3
    reach = b[: len(a) + ceil(limit)] if unfinished else b
    if len(a) - len(b) > limit + 1 or (not unfinished and len(b) - len(a) > limit + 1):
        return NEVER
    if (sounds(a) & ~sounds(reach)).bit_count() > limit:
        return NEVER  # each sound that is not there at all costs at least 1
    if not alike_at_first(a.lstrip("h"), b.lstrip("h")):
        return NEVER
    row = last_row(a, reach, limit)
    if not unfinished:
        return FOLDED_COST + row[-1] if row[-1] <= limit else NEVER
    missing = len(b)
    ends = [cost + MISSING_COST * (missing - at) for at, cost in enumerate(row)]
    best = min(ends)
    return FOLDED_COST + PREFIX_COST + best if row[ends.index(best)] <= limit else NEVER


SOUND = {letter: 1 << at for at, letter in enumerate("abcdfgjklmnprstuwx0123456789")}
SOUND.update(e=SOUND["a"], i=SOUND["a"], o=SOUND["u"], h=0)


@lru_cache(maxsize=50_000)
def sounds(word: str) -> int:
    """The set of sounds in a folded word, one bit each; close vowels are one, h is none."""
    found = 0
    for letter in word:
        found |= SOUND.get(letter, 0)
    return found


def alike_at_first(a: str, b: str) -> bool:
    """Whether two words begin alike, give or take one letter: nobody mistakes how a name begins."""
    return bool(sounds(a[:1]) & sounds(b[:2]) or sounds(b[:1]) & sounds(a[:2]))


def last_row(a: str, b: str, limit: float) -> list[float]:
    """Weighted edit distance of a to every beginning of b (0 … all letters).

    Stops early, with ``NEVER`` everywhere, once nothing can come below the limit.
    """
    row = [0.0]
    for letter in b:
        row.append(row[-1] + (SILENT_COST if letter == "h" else 1.0))
    before = ""
    earlier: list[float] = []
    for letter in a:
        drop = SILENT_COST if letter == "h" else 1.0
        close = CLOSE.get(letter, {})
        following = [row[0] + drop]
        for at, other in enumerate(b, 1):
            if letter == other:
                cost = row[at - 1]
            else:
                add = SILENT_COST if other == "h" else 1.0
                swap = close.get(other, 1.0)
                cost = min(row[at - 1] + swap, row[at] + drop, following[-1] + add)
                if at > 1 and before == other and letter == b[at - 2]:
                    cost = min(cost, earlier[at - 2] + 1.0)
            following.append(cost)
        if min(following) > limit:
            return [NEVER] * (len(b) + 1)
        earlier, row, before = row, following, letter
    return row
