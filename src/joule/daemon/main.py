"""The composition root: the one place where store, node, supervisor and server are put together."""

from __future__ import annotations

import asyncio
import logging
import os
import shlex
import signal
import ssl
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import joule
from joule.config.places import API_SOCKET, node_url
from joule.daemon import greeting
from joule.daemon.authorise import authorise_user, is_default
from joule.daemon.demo import write_demo
from joule.daemon.folders import (
    FolderLock,
    StartError,
    make_folders,
    with_usable_sockets,
)
from joule.daemon.loading import load_modules, load_streams, warn_unused
from joule.daemon.logs import echo_module_line, start_logging
from joule.daemon.options import parse_options, resolve
from joule.daemon.users import UsersFile
from joule.errors import ConfigurationError, JouleError
from joule.models.proxies import Proxy
from joule.node import LocalNode
from joule.node.clock import SystemClock
from joule.server import Server, Services, TcpListener, create_app
from joule.storage import open_engine
from joule.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from joule.config.main_conf import MainConfig, Security
    from joule.daemon.options import Options
    from joule.storage.interfaces import Engine

log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``jouled``; leaves the program with status 1 and one line when it cannot start."""
    options = parse_options(sys.argv[1:] if arguments is None else arguments)
    start_logging()
    try:
        asyncio.run(run(options))
    except StartError as error:
        sys.exit(str(error))
    except ConfigurationError as error:
        sys.exit(f"Invalid configuration: {error}")
    except JouleError as error:
        sys.exit(f"Cannot start: {error}")


async def run(options: Options) -> None:
    """Start a node and run it until SIGINT, SIGTERM or SIGHUP."""
    stopping = stop_on_signals()
    config = prepare(options)
    async with opened(config) as (node, supervisor):
        await serve(config, options, node, supervisor, stopping)


def stop_on_signals() -> asyncio.Event:
    """Give an event that is set by the signals that ask the daemon to stop."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup ignores it
        loop.add_signal_handler(signal.SIGHUP, stopping.set)
    return stopping


def prepare(options: Options) -> MainConfig:
    """Read the configuration and make the folders it needs, example files included."""
    config = resolve(options)
    folders = with_usable_sockets(config.folders)
    if folders.sockets != config.folders.sockets:
        log.warning("The path of the socket folder is too long, using %s", folders.sockets)
    make_folders(folders, own=config.file is None)
    if options.demo:
        write_demo(folders)
    return replace(config, folders=folders)


def _engine(config: MainConfig) -> Engine:
    encoding = config.cold_encoding
    return open_engine(config.database, config.folders.data, cold_encoding=encoding)


@asynccontextmanager
async def opened(config: MainConfig) -> AsyncIterator[tuple[LocalNode, Supervisor]]:
    """Open the store, the node on it and its modules; all closed in reverse, whatever happens."""
    folders = config.folders
    async with AsyncExitStack() as stack:
        stack.enter_context(FolderLock(folders.sockets))
        engine = await stack.enter_async_context(_engine(config))
        node = await LocalNode.open(engine, config.name, cleanup_period_s=config.cleanup_period_s)
        stack.push_async_callback(node.close)
        warn_unused(config)
        await load_streams(node.catalog, folders)
        supervisor = Supervisor(
            node,
            await load_modules(folders),
            socket_dir=folders.sockets,
            api_socket=folders.sockets / API_SOCKET,
            max_log_lines=config.max_log_lines,
            echo=echo_module_line if config.echo_module_logs else None,
            environment=module_environment(config.security),
        )
        await supervisor.prepare()
        yield node, supervisor


async def serve(
    config: MainConfig,
    options: Options,
    node: LocalNode,
    supervisor: Supervisor,
    stopping: asyncio.Event,
) -> None:
    """Run the services until ``stopping`` is set or one of them fails, which stops all.

    The order of a stop is that of the data: modules first, then the requests, then the node that
    stores what both have written.
    """
    async with AsyncExitStack() as requests:
        server = await requests.enter_async_context(
            listening(make_server(config, node, supervisor), config)
        )
        await introduce(config, options, node, server)
        async with asyncio.TaskGroup() as services:
            storing = services.create_task(node.run(), name="node")
            services.create_task(supervisor.run(), name="supervisor")
            users = services.create_task(follow_users(config, node), name="users file")
            await stopping.wait()
            log.info("Stopping")
            users.cancel()
            await supervisor.stop()
            await requests.aclose()
            storing.cancel()


async def follow_users(config: MainConfig, node: LocalNode) -> None:
    """Keep the users as the users file says, if there is one, until cancelled."""
    if config.users_file is not None:
        await UsersFile(config.users_file, node.access, SystemClock()).run()


def make_server(config: MainConfig, node: LocalNode, supervisor: Supervisor) -> Server:
    """Put the HTTP server together."""
    services = Services(
        node=node,
        modules=supervisor,
        version=joule.__version__,
        proxies=proxies(config),
        module_socket_dir=config.folders.sockets,
        importer_key=config.importer_key,
    )
    tcp = None
    if config.ip_address is not None:
        tcp = TcpListener(config.ip_address, config.port, tls_context(config.security))
    return Server(create_app(services), socket_path=config.folders.sockets / API_SOCKET, tcp=tcp)


@asynccontextmanager
async def listening(server: Server, config: MainConfig) -> AsyncIterator[Server]:
    """Serve while entered; ``StartError`` when the address cannot be used."""
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(server)
        except OSError as error:
            # A name that cannot be resolved has a negative number and a text of its own.
            number = error.errno or 0
            reason = os.strerror(number) if number > 0 else error.strerror
            place = f"{config.ip_address} port {config.port}"
            raise StartError(
                f"Cannot listen on {place}: {reason}; choose another with --host and --port"
            ) from error
        if config.file is not None:
            config.folders.sockets.chmod(0o770)
        yield server


async def introduce(config: MainConfig, options: Options, node: LocalNode, server: Server) -> None:
    """Let the user who started a node of their own use it, and say where everything is."""
    url = None
    if server.tcp_port is not None:
        url = node_url(replace(config, port=server.tcp_port))
    prefix = None
    if url is not None and config.file is None:
        try:
            name = await authorise_user(node, url)
            chosen = "" if is_default(name) else f" -n {shlex.quote(name)}"
            prefix = greeting.program() + chosen
        except (JouleError, OSError) as error:
            # What went wrong is in the user's files; a traceback would not help.
            log.error("Cannot save a key for this node: %s", error)  # noqa: TRY400
    greeting.show(config, url, prefix, demo=options.demo)


def module_environment(security: Security | None) -> dict[str, str]:
    """Give the environment of the modules: ours, and the programs installed beside this one."""
    # Idle threads of numpy's linear algebra spin for tens of milliseconds before they sleep: at
    # its import alone that is half of what a module costs to start.
    environment = {"OPENBLAS_THREAD_TIMEOUT": "4", **os.environ}
    programs = str(Path(sys.executable).parent)
    environment["PATH"] = os.pathsep.join([programs, environment.get("PATH", os.defpath)])
    if security is not None and security.authority is not None:
        environment["JOULE_CA_FILE"] = str(security.authority)
    return environment


def tls_context(security: Security | None) -> ssl.SSLContext | None:
    """Load the certificate, None without one; ``ConfigurationError`` when it cannot be used."""
    if security is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(security.certificate, security.key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"{error} ([Security] Certificate, Key)") from error
    return context


def proxies(config: MainConfig) -> list[Proxy]:
    """Give the configured proxies as users see them."""
    found = []
    for conf in config.proxies:
        proxy = Proxy(name=conf.name, target_url=conf.url)
        proxy.id = conf.id
        found.append(proxy)
    return found


if __name__ == "__main__":
    main()
