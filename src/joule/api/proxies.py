"""Proxies: web interfaces that the node makes reachable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from joule.api import targets
from joule.api.answers import listed, understood
from joule.api.part import NodePart
from joule.wire.json_models import proxy_from_json
from joule.wire.routes import Route

if TYPE_CHECKING:
    from joule.api.targets import ProxySpec
    from joule.models.proxies import Proxy


class ProxyActions(NodePart):
    """Proxy methods of a node."""

    async def proxy_list(self) -> list[Proxy]:
        """List the proxied web interfaces."""
        return listed(self._proxy, await self.session.get(Route.PROXIES))

    async def proxy_get(self, proxy: ProxySpec) -> Proxy:
        """Get a proxied web interface; raises ``NotFoundError`` (``proxy does not exist``)."""
        answer = await self.session.get(Route.PROXY, targets.proxy(proxy))
        return understood(self._proxy, answer)

    def _proxy(self, item: Any) -> Proxy:
        proxy = proxy_from_json(item)
        proxy.proxied_url = proxy.proxied_url or f"{self.url}/interface/p{proxy.id}"
        return proxy
