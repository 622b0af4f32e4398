"""Whether a telephone proves that it is the one of the settings (digest)."""

import hmac
import secrets

from tahuri.telephony.sip import digest
from tahuri.telephony.sip.digest import Account
from tahuri.telephony.sip.message import Request
from tahuri.telephony.sip.transaction import Flow
from tahuri.telephony.switch.config import REALM
from tahuri.telephony.switch.core import Core


class Credentials:
    """Challenges and checks; nothing is remembered, a nonce carries its own age."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._key = secrets.token_bytes(32)

    def verdict(self, request: Request, account: Account, flow: Flow) -> digest.Verdict | None:
        """What its credentials prove; None: it brings none."""
        value = request.get("authorization")
        if value is None:
            return None
        method, key = request.method, self._key_for(flow)
        return digest.check(value, method, account, REALM, key, self._now_s())

    def challenges(
        self, account: Account | None, flow: Flow, stale: bool
    ) -> tuple[tuple[str, str], ...]:
        """The headers of a 401.

        Args:
            account: whose algorithms are offered; None, for somebody unknown: all.
        """
        algorithms = account.algorithms if account is not None else digest.ALGORITHMS
        key = self._key_for(flow)
        asked = digest.challenges(REALM, key, self._now_s(), stale, algorithms)
        return tuple(("www-authenticate", challenge) for challenge in asked)

    def _key_for(self, flow: Flow) -> bytes:
        """One for each address: credentials that were overheard prove nothing from another."""
        return hmac.digest(self._key, flow.host.encode(), "sha256")

    def _now_s(self) -> int:
        return int(self._core.monotonic_s())
