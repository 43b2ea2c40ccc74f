"""Arguments as they come from module files: texts under lower-case names."""

from __future__ import annotations

import math
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from joule.errors import ConfigurationError
from joule.utilities import yesno

if TYPE_CHECKING:
    import argparse


def add_option(
    parser: argparse.ArgumentParser, name: str, text: str, default: str | None = ""
) -> None:
    """Add ``--name``, with dashes and with underscores, which takes one text."""
    shown = f"{text} [{default}]" if default else text
    spellings = dict.fromkeys((f"--{name}", f"--{name.replace('-', '_')}"))
    parser.add_argument(*spellings, default=default, help=shown)


def add_tls_options(parser: argparse.ArgumentParser) -> None:
    """Add what decides whom an encrypted connection trusts."""
    add_option(parser, "ca", "PEM file of the authority that vouches for the other side")
    add_option(parser, "verify", "check the certificate of the other side: yes or no", "yes")
    add_option(parser, "cert", "PEM file of our own certificate, with its key unless --key is set")
    add_option(parser, "key", "PEM file of the key of our own certificate")


def add_login_options(parser: argparse.ArgumentParser) -> None:
    """Add who logs in."""
    add_option(parser, "user", "name to log in with")
    add_option(parser, "password", "password; everybody on this machine can see it")
    add_option(parser, "password-file", "file with the password")


def positive(args: argparse.Namespace, name: str, default: float | None = None) -> float:
    """Give a finite number above 0; ``ConfigurationError`` names the argument."""
    text = getattr(args, name)
    if text is None and default is not None:
        return default
    try:
        value = float(text)
    except (TypeError, ValueError):
        value = math.nan
    if not 0 < value < math.inf:
        raise ConfigurationError(f"{name} must be a number above 0, not [{text}]")
    return value


def answer(args: argparse.Namespace, name: str) -> bool:
    """Give a yes or no."""
    try:
        return yesno(getattr(args, name))
    except ValueError as error:
        raise ConfigurationError(f"{name} {error}") from error


def choice(args: argparse.Namespace, name: str, choices: tuple[str, ...]) -> str:
    """Give one of some words."""
    value: str = getattr(args, name)
    if value not in choices:
        raise ConfigurationError(f"{name} must be one of [{', '.join(choices)}], not [{value}]")
    return value


def password(args: argparse.Namespace) -> str | None:
    """Give the password, from its file or as it is; None without one."""
    if args.password_file:
        return read(args.password_file).rstrip("\r\n")
    return args.password or None


def read(file: str) -> str:
    """Give the text of a file that an argument names."""
    try:
        return Path(file).read_text("utf-8")
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"cannot read file [{file}]: {error}") from error


def address(args: argparse.Namespace, name: str, port: int) -> tuple[str, int]:
    """Read ``HOST`` or ``HOST:PORT``, ``[HOST]:PORT`` for IPv6."""
    text: str = getattr(args, name)
    host, colon, number = text.rpartition(":")
    if not colon or "]" in number or (":" in host and not host.endswith("]")):
        host, number = text, str(port)
    host = host.strip("[]")
    if not host or not number.isdigit() or not 0 < int(number) < 65536:
        raise ConfigurationError(f"{name} must be HOST or HOST:PORT, not [{text}]")
    return host, int(number)


def tls_context(args: argparse.Namespace) -> ssl.SSLContext:
    """Give the context that the TLS options describe; everything is verified by default."""
    try:
        context = ssl.create_default_context(cafile=args.ca or None)
        if args.cert:
            context.load_cert_chain(args.cert, args.key or None)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"cannot use [ca], [cert] or [key]: {error}") from error
    if not answer(args, "verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
