"""The certificate of a node, as the clients of the node will see it."""

from __future__ import annotations

import ssl
import time
from typing import TYPE_CHECKING, Any

from joule.cli.doctor.finding import Finding, fine, note, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from joule.config.main_conf import Security

SOON_DAYS = 14
_DAY_S = 86_400


def check_certificate(security: Security | None, name: str) -> Iterator[Finding]:
    """Load certificate and key, look at the dates, and verify against the authority, if any."""
    if security is None:
        yield fine("certificate", "none, the node speaks http")
        return
    file = security.certificate
    try:
        server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        server.load_cert_chain(file, security.key)
        facts = _greet(server, _trusting(file), None)
        if security.authority is not None:
            _greet(server, _trusting(security.authority), name)
    except ssl.SSLCertVerificationError as error:
        yield wrong("certificate", f"[{file}]: {error.verify_message}", "get a new one")
    except (OSError, ssl.SSLError) as error:
        text = f"[{file}] with [{security.key}]: {error.strerror or error}"
        yield wrong("certificate", text, "correct [Security] in the main file")
    else:
        yield _dates(file, facts)


def _dates(file: Path, facts: dict[str, Any]) -> Finding:
    end = str(facts["notAfter"])
    left = (ssl.cert_time_to_seconds(end) - time.time()) / _DAY_S
    text = f"[{file}] is good until {end}"
    return note("certificate", text, "renew it") if left < SOON_DAYS else fine("certificate", text)


def _trusting(authority: Path) -> ssl.SSLContext:
    """Make a client that trusts the certificates of a file, whoever has signed them."""
    client = ssl.create_default_context()
    client.load_verify_locations(authority)
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return client


def _greet(server: ssl.SSLContext, client: ssl.SSLContext, name: str | None) -> dict[str, Any]:
    """Shake hands in memory; gives what the certificate says, once the client has accepted it.

    Without a ``name`` the certificate may be for any.
    """
    client.check_hostname = name is not None
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(down, up, server_hostname=name)
    far = server.wrap_bio(up, down, server_side=True)
    for side in (near, far, near):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    facts = near.getpeercert()
    assert facts, "the client has verified it"
    return facts
