"""SRTP with keys that signalling carried (SDES, RFC 4568).

Each direction keeps its session for as long as its key stays the same: a re-INVITE in mid-call
must not set the counter of sequence wraps back, or nothing is understood any more.
"""

import base64
import binascii
from typing import Final

import pylibsrtp

from tahuri.telephony.media.protocol import MediaError, MediaRefused, SrtpKeys

KEY_AND_SALT_BYTES: Final = 30
REPLAY_WINDOW: Final = 1024

Error = pylibsrtp.Error
"""What a packet raises that is not theirs, was changed, or came before."""

_PROFILES: Final = {
    "AES_CM_128_HMAC_SHA1_80": pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
}


class Protection:
    """Both directions of one leg.  Raises MediaRefused ``bad-request`` for a key that is none."""

    def __init__(self, keys: SrtpKeys) -> None:
        self.keys = keys
        self.inbound = _session(keys.theirs, keys.suite, pylibsrtp.Policy.SSRC_ANY_INBOUND)
        self.outbound = _session(keys.ours, keys.suite, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)

    def renewed(self, keys: SrtpKeys) -> "Protection":
        """With these keys from now on; a direction whose key is the same goes on."""
        if keys == self.keys:
            return self
        new = Protection(keys)
        if keys.suite == self.keys.suite:
            if keys.ours == self.keys.ours:
                new.outbound = self.outbound
            if keys.theirs == self.keys.theirs:
                new.inbound = self.inbound
        return new


def _session(key: str, suite: str, direction: int) -> pylibsrtp.Session:
    try:
        raw = base64.b64decode(key, validate=True)
    except binascii.Error as error:
        raise MediaRefused(MediaError.BAD_REQUEST, "an SRTP key is not base64") from error
    if len(raw) != KEY_AND_SALT_BYTES:
        raise MediaRefused(MediaError.BAD_REQUEST, "an SRTP key has another length")
    policy = pylibsrtp.Policy(key=raw, ssrc_type=direction, srtp_profile=_PROFILES[suite])
    policy.window_size = REPLAY_WINDOW
    return pylibsrtp.Session(policy)
