"""Certificates for the loopback: from an authority of the test's own, or from nobody."""

from __future__ import annotations

import shlex
import ssl
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1"


@dataclass(frozen=True)
class Certificate:
    """The PEM files of a certificate and its private key."""

    file: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """A server's side of it."""
        made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        made.load_cert_chain(self.file, self.key)
        return made


def self_signed(folder: Path, name: str = "localhost") -> Certificate:
    """A certificate that nobody vouches for but itself; also used as an authority."""
    made = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
    _openssl(f"req -x509 {_new(made, name)} -out {made.file} -addext {_NAMES}")
    return made


def signed(folder: Path, authority: Certificate, name: str = "node") -> Certificate:
    """A certificate for ``localhost`` that the authority vouches for."""
    made = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
    request, names = folder / f"{name}.csr", folder / f"{name}.ext"
    names.write_text(_NAMES)
    _openssl(f"req {_new(made, 'localhost')} -out {request}")
    _openssl(
        f"x509 -req -in {request} -CA {authority.file} -CAkey {authority.key} -CAcreateserial "
        f"-days 2 -extfile {names} -out {made.file}"
    )
    return made


def _new(made: Certificate, name: str) -> str:
    return f"-newkey rsa:2048 -nodes -days 2 -subj /CN={name} -keyout {made.key}"


def _openssl(words: str) -> None:
    subprocess.run(["openssl", *shlex.split(words)], check=True, capture_output=True)
