"""Modules and their logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.api import targets
from joule.api.answers import listed, understood
from joule.api.part import NodePart
from joule.api.session import translated
from joule.wire.json_models import (
    config_fault_from_json,
    module_configuration_from_json,
    module_from_json,
    reload_report_from_json,
)
from joule.wire.routes import Route

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from joule.api.session import Session
    from joule.api.targets import ModuleSpec, Params
    from joule.models.modules import ConfigFault, Module, ModuleConfiguration, ReloadReport


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

    async def module_configuration(self, module: ModuleSpec) -> ModuleConfiguration:
        """Get what the file of a module says; needs a key of scope ``admin``."""
        answer = await self.session.get(Route.MODULE_CONFIGURATION, targets.module(module))
        return understood(module_configuration_from_json, answer)

    def module_log(self, module: ModuleSpec) -> AsyncGenerator[str, None]:
        """Follow what a module prints: the lines of :meth:`module_logs`, then new ones, endlessly.

        It ends when the node stops.
        """
        return _lines(self.session, targets.module(module))

    async def module_faults(self) -> list[ConfigFault]:
        """List the module files that the node cannot use, with the reason."""
        return listed(config_fault_from_json, await self.session.get(Route.MODULE_FAULTS))

    async def module_start(self, module: ModuleSpec) -> Module:
        """Start a module that does not run; needs a key of scope ``admin``.

        Gives it as it is once it runs, or its ``state`` and ``reason`` say why it does not.
        """
        return await self._module_told(Route.MODULE_START, module)

    async def module_stop(self, module: ModuleSpec) -> Module:
        """End a module until it is started, or the node is; needs a key of scope ``admin``.

        What it has written is stored then, and others may write its streams.
        """
        return await self._module_told(Route.MODULE_STOP, module)

    async def module_restart(self, module: ModuleSpec) -> Module:
        """End a module and start it at once; needs a key of scope ``admin``.

        Rows that it has not taken yet go to the new process.
        """
        return await self._module_told(Route.MODULE_RESTART, module)

    async def reload(self) -> ReloadReport:
        """Let the node read its configuration files again; needs a key of scope ``admin``.

        Modules whose files have not changed go on as if nothing had happened.
        """
        return understood(reload_report_from_json, await self.session.post(Route.RELOAD))

    async def _module_told(self, route: Route, module: ModuleSpec) -> Module:
        answer = await self.session.post(route, targets.module(module))
        return understood(module_from_json, answer)


async def _lines(session: Session, params: Params) -> AsyncGenerator[str, None]:
    response = await session.open("GET", Route.MODULE_LOG, params)
    rest = b""
    async with response:
        with translated(session.url):
            async for piece in response.content.iter_any():
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    yield line.decode("utf-8", "replace")
