"""How the tests look at masters, and attempts that must be refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import joule
from joule.errors import AccessDeniedError, ApiError
from joule.testing.node import USER

if TYPE_CHECKING:
    from joule.api import TcpNode
    from joule.testing.node import RunningNode


def client(running: RunningNode, key: str = "") -> TcpNode:
    return joule.api.TcpNode(running.node.name, running.url, key or running.key)


async def masters(node: TcpNode) -> list[tuple[str, str, str]]:
    """The masters but for the user of the test."""
    found = await node.master_list()
    return [(m.master_type, m.name, m.scope) for m in found if m.name != USER]


async def allowed(running: RunningNode, key: str) -> bool:
    async with client(running, key) as node:
        try:
            await node.version()
        except AccessDeniedError:
            return False
        return True


async def failing(node: TcpNode, kind: str, host: str, text: str, **options: Any) -> None:
    """The attempt is refused with a text that holds ``text``, and leaves nothing behind."""
    before = await masters(node)
    with pytest.raises(ApiError) as refused:
        await node.master_add(kind, host, **options)
    assert text in refused.value.text
    assert refused.value.status == 400
    assert await masters(node) == before
