"""Asking another node who it is."""

from __future__ import annotations

from joule.api.node import TcpNode
from joule.api.session import UNTRUSTED, Policy
from joule.errors import ApiError, ConfigurationError, InvalidRequestError
from joule.node.followers import Identity
from joule.wire.json_models import node_info_from_json
from joule.wire.routes import Route

ANSWER_S = 10.0


async def identify(location: str, key: str, *, cafile: str = "") -> Identity:
    """Ask the node at a URL for its name and uuid.

    ``InvalidRequestError`` when there is none, or when it does not take the key.
    """
    policy = Policy(retries=0, timeout_s=ANSWER_S, connect_timeout_s=ANSWER_S)
    async with TcpNode("follower", location, key, cafile, policy=policy) as node:
        try:
            about = await node.session.get(Route.VERSION_JSON)
            info = node_info_from_json(about, await node.session.get(Route.DBINFO))
        except (ApiError, ConfigurationError, KeyError, TypeError, ValueError) as error:
            reason = ", its certificate is not trusted" if str(error) == UNTRUSTED else ""
            raise InvalidRequestError(f"no route to node at {location}{reason}") from error
    return Identity(info.name, about.get("uuid"))
