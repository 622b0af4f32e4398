"""Digest authentication (RFC 7616, RFC 8760): MD5 and SHA-256, qop=auth.  Pure."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Literal

Algorithm = Literal["MD5", "SHA-256"]
ALGORITHMS: tuple[Algorithm, ...] = ("SHA-256", "MD5")
"""Offered, best first."""
NONCE_LIFE_S = 300
Verdict = Literal["right", "stale", "wrong"]


@dataclass(frozen=True, slots=True)
class Account:
    """What a phone proves; either the password, or HA1 (then MD5 only)."""

    username: str
    password: str | None = None
    ha1: str | None = None
    """Hex MD5 of ``username:realm:password``."""

    @property
    def algorithms(self) -> tuple[Algorithm, ...]:
        """What can be checked: all with the password, MD5 with HA1."""
        return ALGORITHMS if self.password is not None else ("MD5",)

    def ha1_for(self, realm: str, algorithm: Algorithm) -> str | None:
        """None when the account cannot be checked with that algorithm."""
        if self.password is not None:
            return _hash(algorithm, f"{self.username}:{realm}:{self.password}")
        return self.ha1 if algorithm == "MD5" else None


def nonce(key: bytes, now_s: int) -> str:
    """A nonce that carries its own age, so that nothing has to be remembered."""
    stamp = f"{now_s:x}"
    return f"{stamp}.{hmac.new(key, stamp.encode(), hashlib.sha256).hexdigest()[:32]}"


def challenges(
    realm: str,
    key: bytes,
    now_s: int,
    stale: bool,
    algorithms: tuple[Algorithm, ...] = ALGORITHMS,
) -> list[str]:
    """Values of WWW-Authenticate, one an algorithm.

    Old phones fail at a challenge in an algorithm they do not know instead of passing it over;
    offer them MD5 alone.
    """
    end = ", stale=true" if stale else ""
    fresh = nonce(key, now_s)
    return [
        f'Digest realm="{realm}", nonce="{fresh}", qop="auth", algorithm={algorithm}{end}'
        for algorithm in algorithms
    ]


def fields(value: str) -> dict[str, str]:
    """The fields of a challenge or credentials; empty unless the scheme is Digest."""
    scheme, _, rest = value.strip().partition(" ")
    if scheme.lower() != "digest":
        return {}
    pairs = re.findall(r"(\w+)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s,]+))", rest)
    return {name.lower(): quoted or plain for name, quoted, plain in pairs}


def check(value: str, method: str, account: Account, realm: str, key: bytes, now_s: int) -> Verdict:
    """Whether credentials prove the account."""
    given = fields(value)
    algorithm = _algorithm(given.get("algorithm", "MD5"))
    if algorithm is None or given.get("username") != account.username:
        return "wrong"
    ha1 = account.ha1_for(realm, algorithm)
    if ha1 is None or given.get("realm") != realm or given.get("qop") != "auth":
        return "wrong"
    expected = _response(algorithm, ha1, method, given)
    if not hmac.compare_digest(expected.encode(), given.get("response", "").lower().encode()):
        return "wrong"
    return "right" if _is_fresh(given.get("nonce", ""), key, now_s) else "stale"


def credentials(
    challenge: str, method: str, uri: str, account: Account, cnonce: str, count: int = 1
) -> str:
    """The Authorization that answers a challenge.

    Raises:
        ValueError: a challenge in an algorithm we do not have, or not Digest at all.
    """
    asked = fields(challenge)
    algorithm = _algorithm(asked.get("algorithm", "MD5"))
    if algorithm is None or "nonce" not in asked:
        raise ValueError("a challenge that cannot be answered")
    realm = asked.get("realm", "")
    ha1 = account.ha1_for(realm, algorithm)
    if ha1 is None:
        raise ValueError("no password for this algorithm")
    given = {
        "nonce": asked["nonce"],
        "uri": uri,
        "nc": f"{count:08x}",
        "cnonce": cnonce,
        "qop": "auth" if "auth" in asked.get("qop", "") else "",
    }
    answer = _response(algorithm, ha1, method, given)
    quality = f', qop=auth, nc={given["nc"]}, cnonce="{cnonce}"' if given["qop"] else ""
    opaque = f', opaque="{asked["opaque"]}"' if "opaque" in asked else ""
    return (
        f'Digest username="{account.username}", realm="{realm}", nonce="{asked["nonce"]}", '
        f'uri="{uri}", response="{answer}", algorithm={algorithm}{quality}{opaque}'
    )


def _response(algorithm: Algorithm, ha1: str, method: str, given: dict[str, str]) -> str:
    ha2 = _hash(algorithm, f"{method}:{given.get('uri', '')}")
    middle = given.get("nonce", "")
    if given.get("qop"):
        middle += f":{given.get('nc', '')}:{given.get('cnonce', '')}:auth"
    return _hash(algorithm, f"{ha1}:{middle}:{ha2}")


def _hash(algorithm: Algorithm, text: str) -> str:
    content = text.encode("utf-8", "surrogateescape")
    if algorithm == "MD5":
        return hashlib.md5(content, usedforsecurity=False).hexdigest()
    return hashlib.sha256(content).hexdigest()


def _algorithm(name: str) -> Algorithm | None:
    return next((known for known in ALGORITHMS if known == name.upper()), None)


def _is_fresh(given: str, key: bytes, now_s: int) -> bool:
    stamp = given.partition(".")[0]
    if not re.match(r"^[0-9a-f]{1,12}$", stamp):
        return False
    made_s = int(stamp, 16)
    genuine = hmac.compare_digest(nonce(key, made_s).encode(), given.encode())
    return genuine and 0 <= now_s - made_s <= NONCE_LIFE_S
