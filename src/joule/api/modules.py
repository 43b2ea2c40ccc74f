"""Modules and their logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.api import targets
from joule.api.answers import listed, understood
from joule.api.part import NodePart
from joule.wire.json_models import module_from_json
from joule.wire.routes import Route

if TYPE_CHECKING:
    from joule.api.targets import ModuleSpec
    from joule.models.modules import Module


class ModuleActions(NodePart):
    """Module methods of a node."""

    async def module_list(self, statistics: bool = False) -> list[Module]:
        """List the modules, with CPU and memory use when ``statistics`` is set.

        Statistics take longer: CPU use is averaged over a short time.
        """
        params = {"statistics": int(statistics)}
        return listed(module_from_json, await self.session.get(Route.MODULES, params))

    async def module_get(self, module: ModuleSpec, statistics: bool = False) -> Module:
        """Get a module; raises ``NotFoundError`` (``module does not exist``)."""
        params = targets.module(module) | {"statistics": int(statistics)}
        return understood(module_from_json, await self.session.get(Route.MODULE, params))

    async def module_logs(self, module: ModuleSpec) -> list[str]:
        """Get what a module printed lately, oldest line first, each as ``[<local time>]: text``."""
        return listed(str, await self.session.get(Route.MODULE_LOGS, targets.module(module)))
