"""What all modules share: the command line, the node, the web interface, and a clean stop.

The kinds of modules say what they do with their pipes; where the pipes come from is decided here:
the node hands them over, or the module is run by hand (``joule.client.standalone``).
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from joule.client import arguments
from joule.client.arguments import UNSET
from joule.client.console import set_up_logging
from joule.client.node_pipes import open_pipes, parse_pipes
from joule.errors import ApiError, ConfigurationError, EmptyPipeError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Awaitable, Mapping, Sequence

    from aiohttp import web

    from joule.api import Node
    from joule.client.node_pipes import NodePipes
    from joule.models.pipes import Pipe

_log = logging.getLogger(__name__)

_CLEAN_UP_S = 0.3
"""Part of the grace that is left for closing pipes before the node kills the process."""


class BaseModule:
    """A program that reads and writes data streams; subclass one of its kinds instead.

    ``run`` of every kind can be awaited directly with a namespace and local pipes, which is how
    modules are tested and composed.
    """

    STOP_TIMEOUT: float = 2
    """Seconds between a request to stop and the cancellation of ``run``."""

    stop_requested = False
    """Whether the module should come to an end; ``run`` should look at it now and then."""

    parsed_args: argparse.Namespace
    pipes: Sequence[Pipe] = ()

    _node: Node | None = None
    _app: web.Application | None = None
    _stopping = False
    _node_pipes: NodePipes | None = None
    _resources: AsyncExitStack | None = None

    # ------------------------------------------------------------------ for module authors

    def custom_args(self, parser: argparse.ArgumentParser) -> None:
        """Add the module's own arguments, and a description, to the parser.

        Arguments that are to be set in ``[Arguments]`` of a module file must be optional
        (``--rate``) and in lower case.
        """

    def stop(self) -> None:
        """Ask the module to come to an end; called on SIGINT and SIGTERM."""
        self.stop_requested = True

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        """Give the aiohttp routes of the module's web interface; none by default."""
        return []

    @property
    def node(self) -> Node:
        """The node that runs the module, or the one that it was told to use.

        Loads the client library when it is first used. Raises ``ApiError`` when the module runs
        by hand and no such node is saved.
        """
        if self._node is None:
            self._node = _find_node(self.parsed_args)
        return self._node

    @node.setter
    def node(self, node: Node) -> None:
        self._node = node

    @property
    def is_under_node(self) -> bool:
        """Whether a node has started the module and handed its pipes over."""
        return self._node_pipes is not None

    def start(self, parsed_args: argparse.Namespace | None = None) -> None:
        """Run the module until it ends or is told to stop; to be called from ``main``.

        A ``ConfigurationError`` is logged as ``ERROR: ...`` and ends it without a traceback; so is
        what the node refuses, when the module is run by hand. Then the status is 1.
        """
        set_up_logging()
        try:
            if parsed_args is None:
                parsed_args = arguments.parse(sys.argv[1:], self.custom_args)
            asyncio.run(self._run_until_stopped(parsed_args))
        except ConfigurationError as error:
            _log.error("%s", error)
            if not self.is_under_node:
                sys.exit(1)
        except ApiError as error:
            if self.is_under_node:
                raise
            _log.error("%s", error)
            sys.exit(1)

    def create_dev_app(self, argv: Sequence[str] | None = None) -> web.Application:
        """Make an application for a development server, with the module running live beside it.

        The environment variable ``JOULE_MODULE_CONFIG`` names the module file; ``argv`` are
        further words of the command line. What a server passes that is not a list of words, an
        event loop say, is ignored.
        """
        from joule.client.web import run_beside

        words = argv if isinstance(argv, (list, tuple)) else ()
        args = self.parsed_args = arguments.parse_development(self.custom_args, words)
        app = self.make_app()
        if app is None:
            raise ConfigurationError("this module has no routes")
        run_beside(app, lambda: self.run_to_end(args), self.stop)
        return app

    # ------------------------------------------------------------------ for the kinds of modules

    async def process(
        self,
        parsed_args: argparse.Namespace,
        inputs: Mapping[str, Pipe],
        outputs: Mapping[str, Pipe],
    ) -> None:
        """Set up and run over one set of pipes."""
        raise NotImplementedError

    async def run_alone(self, parsed_args: argparse.Namespace) -> None:
        """Run without a node that hands the pipes over."""
        raise NotImplementedError

    async def run_to_end(self, parsed_args: argparse.Namespace) -> None:
        """Run with the pipes that the arguments tell of, close everything, and return."""
        self.parsed_args = parsed_args
        async with AsyncExitStack() as resources:
            self._resources = resources
            resources.push_async_callback(self._close_node)
            if _flag(parsed_args, "pipes"):
                await self._run_under_node(parsed_args, resources)
            else:
                await self.run_alone(parsed_args)

    async def finish(self, run: Awaitable[object]) -> None:
        """Await what a module runs; the end of its inputs is the end of the run, not an error."""
        try:
            await run
        except EmptyPipeError as error:
            _log.info("ending: %s", error)

    def make_app(self) -> web.Application | None:
        """Give the application with the module's routes, None when it has none."""
        if self._app is not None:
            return self._app
        routes = self.routes()
        if routes:
            from joule.client.web import make_app

            self._app = make_app(routes)
        elif _flag(self.parsed_args, "socket"):
            _log.warning("is_app is set, but this module has no routes")
        return self._app

    async def serve(self) -> None:
        """Make the web interface reachable, if there is one; again does nothing.

        Neither does it when a test runs the module, who asks the application of ``make_app``.
        """
        if self._app is None or self._app.frozen or self._resources is None:
            return
        from joule.client.web import start_interface

        args = self.parsed_args
        runner = await start_interface(
            self._app,
            socket=_flag(args, "socket"),
            host=getattr(args, "host", "0.0.0.0"),
            port=getattr(args, "port", None),
        )
        self._resources.push_async_callback(runner.cleanup)

    # ------------------------------------------------------------------ inside

    async def _run_under_node(self, args: argparse.Namespace, resources: AsyncExitStack) -> None:
        ends = parse_pipes(args.pipes)
        opened = await open_pipes(ends, _flag(args, "api_socket"))
        self._node_pipes = opened
        self.pipes = opened.all
        resources.push_async_callback(opened.close)
        await self.process(args, opened.inputs, opened.outputs)

    async def _close_node(self) -> None:
        if self._node is not None:
            await self._node.close()

    async def _run_until_stopped(self, args: argparse.Namespace) -> None:
        """Run, and let SIGINT and SIGTERM stop it."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._request_stop, task)
        try:
            await self.run_to_end(args)
        except asyncio.CancelledError:
            if not self._stopping:
                raise
            task.uncancel()
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    def _request_stop(self, task: asyncio.Task[Any]) -> None:
        """Ask the module, end its inputs, and cancel it after a while or when asked again."""
        if self._stopping:
            task.cancel()
            return
        self._stopping = True
        loop = asyncio.get_running_loop()
        loop.call_later(max(0.0, self.STOP_TIMEOUT - _CLEAN_UP_S), task.cancel)
        if self._node_pipes is not None:
            self._node_pipes.finish_inputs()
        self.stop()


def _flag(args: argparse.Namespace, name: str) -> str | None:
    """Give an argument that only the node sets, None when it is not set."""
    value: str = getattr(args, name, UNSET)
    return None if value == UNSET else value


def _find_node(args: argparse.Namespace) -> Node:
    from joule.api import UnixNode

    socket = _flag(args, "api_socket")
    if socket is not None:
        return UnixNode("local", socket)
    from joule.client.standalone.nodes import saved_node

    return saved_node(getattr(args, "node", ""), getattr(args, "url", ""))


def __getattr__(name: str) -> Any:
    # Documented here; aiohttp, which they need, is loaded by modules with a web interface only.
    if name in ("state_key", "task_key"):
        from joule.client import web

        return getattr(web, name)
    raise AttributeError(f"module 'joule.client.base_module' has no attribute {name!r}")
