"""Nodes: the objects that all methods of the API belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from joule.api.annotations import AnnotationActions
from joule.api.answers import member, understood
from joule.api.archives import ArchiveActions
from joule.api.data import DataActions
from joule.api.database import DatabaseActions
from joule.api.event_streams import EventStreamActions
from joule.api.folders import FolderActions
from joule.api.followers import FollowerActions
from joule.api.lumen_link import LinkActions
from joule.api.masters import MasterActions
from joule.api.modules import ModuleActions
from joule.api.node_files import NodeConfig, existing_files
from joule.api.proxies import ProxyActions
from joule.api.session import Policy, Session
from joule.api.transport import TcpTransport, UnixTransport
from joule.wire.json_models import node_info_from_json
from joule.wire.routes import Route

if TYPE_CHECKING:
    import asyncio

    from joule.api.transport import Transport
    from joule.models.access import NodeInfo

DEFAULT_URL = "http://localhost:8088"


class Node(
    FolderActions,
    DataActions,
    EventStreamActions,
    AnnotationActions,
    ModuleActions,
    ProxyActions,
    MasterActions,
    FollowerActions["TcpNode"],
    DatabaseActions,
    ArchiveActions,
    LinkActions,
):
    """A Joule node, reached at a URL.

    Without ``key`` the key of the saved node with that URL is used. Certificates of https nodes
    are verified, also against ``cafile``, unless ``verify`` is False. ``loop`` is accepted and not
    needed: a node can be used in any event loop, also in several one after another. It is an async
    context manager that closes its connections.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        loop: asyncio.AbstractEventLoop | None = None,
        *,
        key: str | None = None,
        name: str = "node",
        cafile: str = "",
        verify: bool = True,
        policy: Policy | None = None,
    ) -> None:
        found = _saved_key(url) if key is None else key
        self._connect(name, TcpTransport(url, found, cafile=cafile, verify=verify), cafile, policy)

    def _connect(self, name: str, transport: Transport, cafile: str, policy: Policy | None) -> None:
        self.name = name
        self.cafile = cafile
        self.url = transport.url
        self.session = Session(transport, policy)

    def __repr__(self) -> str:
        return f'<joule.api.Node url="{self.url}">'

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections, pipes included; the node can be used again afterwards."""
        await self.session.close()

    def _follower(self, item: Any) -> TcpNode:
        return TcpNode(item["name"], item["location"], item["key"], self.cafile)

    async def info(self) -> NodeInfo:
        """Get version, name and disk use (bytes) of the node."""
        about = await self.session.get(Route.VERSION_JSON)
        usage = await self.session.get(Route.DBINFO)
        return understood(lambda disk: node_info_from_json(about, disk), usage)

    async def version(self) -> str:
        """Get the version of Joule that the node runs."""
        about = await self.session.get(Route.VERSION_JSON)
        return str(member("version", about))


class TcpNode(Node):
    """A node reached at a URL with a key, under a name chosen here."""

    def __init__(
        self,
        name: str,
        url: str,
        key: str,
        cafile: str = "",
        *,
        verify: bool = True,
        policy: Policy | None = None,
    ) -> None:
        self._key = key
        self._verify = verify
        self._connect(name, TcpTransport(url, key, cafile=cafile, verify=verify), cafile, policy)

    def __repr__(self) -> str:
        return f'<joule.api.node.TcpNode url="{self.url}">'

    def to_config(self) -> NodeConfig:
        """Give what is saved of it."""
        return NodeConfig(self.name, self.url, self._key, self._verify)


class UnixNode(Node):
    """The node on this host, reached through its UNIX socket without a key.

    ``cafile`` is the authority for the nodes that it names as its followers.
    """

    def __init__(
        self, name: str, path: str, cafile: str = "", *, policy: Policy | None = None
    ) -> None:
        self.path = path
        self._connect(name, UnixTransport(path), cafile, policy)

    def __repr__(self) -> str:
        return f'<joule.api.node.UnixNode path="{self.path}">'


BaseNode = Node
"""The name that annotations use."""


def _saved_key(url: str) -> str:
    files = existing_files()
    nodes = files.nodes() if files else []
    return next((node.key for node in nodes if node.url.rstrip("/") == url.rstrip("/")), "")
