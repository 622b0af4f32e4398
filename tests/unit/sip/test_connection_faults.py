"""Why a peer cannot be reached, in codes that screens translate."""

import socket
import ssl

import pytest

from tahuri.telephony.sip.tls import fault_of


def unverified(code: int) -> ssl.SSLCertVerificationError:
    """As OpenSSL refuses a certificate."""
    error = ssl.SSLCertVerificationError()
    error.verify_code = code
    return error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (unverified(10), "certificate-expired"),
        (unverified(9), "certificate-not-yet"),
        (unverified(20), "certificate-unknown"),
        (unverified(62), "certificate-name"),
        (unverified(26), "certificate-bad"),
        (ssl.SSLError(1, "wrong version number"), "no-tls"),
        (socket.gaierror(), "name-unknown"),
        (UnicodeError(), "name-unknown"),
        (ConnectionRefusedError(), "connection-refused"),
        (ConnectionResetError(), "connection-closed"),
        (TimeoutError(), "no-connection"),
        (OSError(), "no-connection"),
    ],
)
def test_each_fault_has_the_code_of_its_remedy(error: Exception, code: str) -> None:
    """An expired certificate is the carrier's business, an unknown authority is ours."""
    assert fault_of(error) == code
