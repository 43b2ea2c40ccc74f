"""How this node puts itself under the control of another node or of a Lumen server.

Either is sent a new key, tries it at once, and only then says that it takes it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from joule.api.node import TcpNode
from joule.api.session import UNTRUSTED, Policy
from joule.errors import ApiError, InvalidRequestError, NodeConnectionError
from joule.node.access import ADMIN
from joule.utilities.misc import detect_url
from joule.wire.routes import LUMEN_NODES, Route

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joule.node.access import Access

JOULE_NODE, LUMEN_NODE = "JOULE_NODE", "LUMEN_NODE"
ANSWER_S = 60.0
"""The other side makes several requests of its own before it answers."""

_DEFAULT_PORT = 443
_PORT_GIVEN = re.compile(r".*:[0-9]+")


@dataclass(frozen=True, slots=True)
class Introduction:
    """How this node presents itself, and for whom it asks.

    ``name_is_host``: it is reached by its name, which its certificate is for. ``cafile`` is the
    authority it trusts beside the system's.
    """

    name: str
    scheme: str
    port: int | str
    base_uri: str = ""
    cafile: str = ""
    grantor_id: int | None = None
    scope: str = ADMIN
    answer_s: float = ANSWER_S

    def to_json(self) -> dict[str, Any]:
        """Give what the other side makes its address of."""
        return {
            "name": self.name,
            "scheme": self.scheme,
            "port": self.port,
            "base_uri": self.base_uri,
        }


async def join_node(access: Access, identifier: str, me: Introduction) -> str:
    """Become a follower of the node at a URL or host; gives its name."""
    url = await _found(identifier, None if _PORT_GIVEN.fullmatch(identifier) else _DEFAULT_PORT)
    async with access.offered(JOULE_NODE, grantor_id=me.grantor_id, scope=me.scope) as offer:
        request = {**me.to_json(), "key": offer.key}
        if me.cafile:
            request["name_is_host"] = 1
        answer = await _post(url, Route.FOLLOWER, request, me)
        name = answer.get("name") if isinstance(answer, dict) else None
        if not isinstance(name, str) or not name:
            raise InvalidRequestError(f"there is no Joule node at {url}")
        await access.accept(offer, name)
    return name


async def join_lumen(
    access: Access, identifier: str, parameters: Mapping[str, Any], me: Introduction
) -> None:
    """Become a node of the Lumen server at a URL or host; ``parameters`` are what that asks for.

    A Lumen server that cannot reach this node has taken the key all the same, so that the address
    can be put right there: the error is raised and the key stays good.
    """
    url = identifier if _is_url(identifier) else await _found(f"{identifier}/lumen", None)
    async with access.offered(LUMEN_NODE, grantor_id=me.grantor_id, scope=me.scope) as offer:
        request = {**me.to_json(), **parameters, "api_key": offer.key}
        try:
            answer = await _post(url, LUMEN_NODES, request, me)
        except ApiError as error:
            if error.status is not None and "cannot contact node at" in error.text:
                await access.accept(offer, identifier)
            raise
        if answer is not None:
            raise InvalidRequestError(f"there is no Lumen server at {url}")
        await access.accept(offer, identifier)


def _is_url(identifier: str) -> bool:
    return identifier.startswith(("http://", "https://"))


async def _found(identifier: str, port: int | None) -> str:
    url = identifier if _is_url(identifier) else await detect_url(identifier, port)
    if url is None:
        raise _unreachable(identifier)
    return url


async def _post(url: str, route: str, request: Mapping[str, Any], me: Introduction) -> Any:
    policy = Policy(retries=0, timeout_s=me.answer_s, connect_timeout_s=me.answer_s)
    async with TcpNode("master", url, "", me.cafile, policy=policy) as other:
        try:
            return await other.session.post(route, request)
        except NodeConnectionError as error:
            if error.text == UNTRUSTED:
                raise InvalidRequestError(f"{url}: {UNTRUSTED}") from error
            if isinstance(error.__cause__, TimeoutError):
                raise InvalidRequestError(
                    f"{url} did not answer within {me.answer_s:g} s"
                ) from error
            raise _unreachable(url) from error


def _unreachable(identifier: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"cannot connect to {identifier}, try using a full URL like http(s)://..."
    )
