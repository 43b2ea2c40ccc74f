"""Answers and addresses that a person types."""

from __future__ import annotations

import asyncio

_PROBE_S = 5.0


def yesno(val: str) -> bool:
    """Read ``yes`` or ``no`` in any case; raises ``ValueError`` for anything else."""
    answer = val.strip().lower() if isinstance(val, str) else None
    if answer not in ("yes", "no"):
        raise ValueError("must be 'yes' or 'no'")
    return answer == "yes"


async def detect_url(host: str, port: int | None = None) -> str | None:
    """Find out whether ``host`` speaks https or http and give its URL, None when neither answers.

    Any HTTP answer counts, whatever its status and whoever signed its certificate. Each attempt
    may take five seconds.
    """
    address = host if port is None else f"{host}:{port}"
    for scheme in ("https", "http"):
        url = f"{scheme}://{address}"
        if await _answers(url):
            return url
    return None


async def _answers(url: str) -> bool:
    import aiohttp  # only commands that are given a bare host name need it

    try:
        async with (
            asyncio.timeout(_PROBE_S),
            aiohttp.ClientSession() as session,
            session.get(url, ssl=False, allow_redirects=False),
        ):
            return True
    except (aiohttp.ClientError, aiohttp.InvalidURL, OSError, TimeoutError):
        return False
