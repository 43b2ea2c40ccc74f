"""Proxies: web interfaces beside the node that it makes reachable."""

from __future__ import annotations

from dataclasses import dataclass

from joule.models.base import Saved


@dataclass(eq=False, repr=False)
class Proxy(Saved):
    """A web interface at ``target_url``, reachable through the node at ``proxied_url``."""

    name: str = ""
    target_url: str = ""
    proxied_url: str = ""

    def __repr__(self) -> str:
        return (
            f"<joule.api.Proxy id={self._id} name={self.name!r} "
            f"proxied_url={self.proxied_url!r} target_url={self.target_url!r}>"
        )
