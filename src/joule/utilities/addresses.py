"""Addresses of servers as they may be shown: passwords are for nobody's eyes."""

from __future__ import annotations

import re
from typing import Final

_SCHEME: Final = re.compile(r"([A-Za-z][\w+.-]*://)?(.*)", re.DOTALL)


def without_password(address: str) -> str:
    """Give ``scheme://user:password@host/path?query`` without the password and the query.

    The last ``@`` ends the password, which may hold any character. What is no proper address gives
    nothing away either; too much is left out of it rather than too little.
    """
    found = _SCHEME.fullmatch(address)
    assert found is not None, "it matches everything"
    credentials, at, place = found[2].rpartition("@")
    user, _, _ = credentials.partition(":")
    return f"{found[1] or ''}{user}{at}{place.partition('?')[0]}"
