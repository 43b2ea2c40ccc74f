"""Streams of the nodes that this one may control: read and written over every loss of contact."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.api import TcpNode
from joule.errors import ConfigurationError
from joule.node.remote.patience import Patience
from joule.node.remote.source import RemoteSource
from joule.node.remote.target import RemoteTarget

if TYPE_CHECKING:
    from collections.abc import Callable

    from joule.config.pipe_spec import PipeSpec
    from joule.node.followers import Followers

__all__ = ["Patience", "RemoteSource", "RemoteStreams", "RemoteTarget"]


class RemoteStreams:
    """The streams of followers; ``cafile`` is the authority that is trusted beside the system's."""

    def __init__(
        self, followers: Followers, cafile: str = "", patience: Patience | None = None
    ) -> None:
        self._followers = followers
        self._cafile = cafile
        self._patience = patience or Patience()

    def source(self, spec: PipeSpec, say: Callable[[str], None]) -> RemoteSource:
        """Follow a stream from now on, over every loss of the connection.

        Raises ``ConfigurationError`` when its node is not a follower.
        """
        self._connect(spec)
        return RemoteSource(spec, lambda: self._connect(spec), say, self._patience)

    def target(self, spec: PipeSpec, say: Callable[[str], None]) -> RemoteTarget:
        """Write a stream, which is made if it is missing, as soon as the node can be reached.

        Raises ``ConfigurationError`` when its node is not a follower.
        """
        self._connect(spec)
        return RemoteTarget(spec, lambda: self._connect(spec), say, self._patience)

    def _connect(self, spec: PipeSpec) -> TcpNode:
        for follower in self._followers.list():
            if follower.name == spec.node:
                return TcpNode(follower.name, follower.location, follower.key, self._cafile)
        raise ConfigurationError(f"Remote node [{spec.node}] is not a follower")
