"""The composition root: the one place where store, node, supervisor and server are put together."""

from __future__ import annotations

import asyncio
import logging
import os
import shlex
import ssl
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import joule
from joule.config.places import API_SOCKET, node_url
from joule.daemon import greeting
from joule.daemon.archive_files import ArchiveFiles
from joule.daemon.authorise import authorise_user, is_default
from joule.daemon.config_files import ConfigFiles
from joule.daemon.demo import write_demo
from joule.daemon.folders import (
    FolderLock,
    StartError,
    make_folders,
    with_usable_sockets,
)
from joule.daemon.logs import echo_module_line, start_logging
from joule.daemon.memory import keep_freed_memory
from joule.daemon.options import parse_options, resolve
from joule.daemon.signals import Signals
from joule.daemon.users import UsersFile
from joule.errors import ConfigurationError, JouleError
from joule.models.proxies import Proxy
from joule.node import LocalNode
from joule.node.archives import Exporters, Importers
from joule.node.clock import SystemClock
from joule.node.remote import RemoteStreams
from joule.server import Server, Services, TcpListener, create_app
from joule.storage import open_engine
from joule.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from joule.config.main_conf import MainConfig, Security
    from joule.daemon.options import Options
    from joule.storage.interfaces import Engine

log = logging.getLogger(__name__)

MODULE_LOGS = "module_logs"
"""The folder, in that of the data, for what modules print."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``jouled``; leaves the program with status 1 and one line when it cannot start."""
    options = parse_options(sys.argv[1:] if arguments is None else arguments)
    start_logging()
    keep_freed_memory()
    try:
        asyncio.run(run(options))
    except StartError as error:
        sys.exit(str(error))
    except ConfigurationError as error:
        sys.exit(f"Invalid configuration: {error}")
    except JouleError as error:
        sys.exit(f"Cannot start: {error}")


async def run(options: Options) -> None:
    """Start a node and run it until a signal asks it to stop."""
    signals = Signals()
    config = prepare(options)
    async with opened(config) as parts:
        await serve(config, options, parts, signals)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a daemon is made of."""

    node: LocalNode
    supervisor: Supervisor
    files: ConfigFiles
    importers: Importers
    exporters: Exporters


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
    return open_engine(
        config.database,
        config.folders.data,
        cold_encoding=config.cold_encoding,
        compress_after_us=config.compress_after_us,
        compressed_copies=config.compressed_copies,
        nilmdb_url=config.nilmdb_url,
    )


@asynccontextmanager
async def opened(config: MainConfig) -> AsyncIterator[Parts]:
    """Open the store, the node on it and its modules; all closed in reverse, whatever happens."""
    folders = config.folders
    async with AsyncExitStack() as stack:
        stack.enter_context(FolderLock(folders.sockets))
        engine = await stack.enter_async_context(_engine(config))
        node = await LocalNode.open(engine, config.name, cleanup_period_s=config.cleanup_period_s)
        stack.push_async_callback(node.close)
        files = ConfigFiles(folders, node.catalog, engine.database)
        await files.load_streams()
        importers = Importers(node, folders.importer_data)
        importers.tidy()
        exporters = Exporters(node, folders.exporter_data, SystemClock(), _cafile(config.security))
        await files.load_archives(ArchiveFiles(folders, importers, exporters))
        supervisor = Supervisor(
            node,
            await files.read_modules(),
            socket_dir=folders.sockets,
            api_socket=folders.sockets / API_SOCKET,
            log_dir=folders.data / MODULE_LOGS,
            max_log_lines=config.max_log_lines,
            echo=echo_module_line if config.echo_module_logs else None,
            environment=module_environment(config.security),
            remote=RemoteStreams(node.followers, _cafile(config.security)),
        )
        files.serve(supervisor)
        await supervisor.prepare()
        yield Parts(node, supervisor, files, importers, exporters)


async def serve(config: MainConfig, options: Options, parts: Parts, signals: Signals) -> None:
    """Run the services until a signal asks to stop or one of them fails, which stops all.

    The order of a stop is that of the data: modules first, then the requests, then the node that
    stores what both have written.
    """
    node, supervisor = parts.node, parts.supervisor
    async with AsyncExitStack() as requests:
        server = await requests.enter_async_context(listening(make_server(config, parts), config))
        await introduce(config, options, node, server)
        async with asyncio.TaskGroup() as services:
            storing = services.create_task(node.run(), name="node")
            services.create_task(supervisor.run(), name="supervisor")
            users = services.create_task(follow_users(config, node), name="users file")
            exports = services.create_task(parts.exporters.run(), name="exporters")
            reloads = services.create_task(signals.follow(parts.files.reload), name="reloads")
            await signals.stop.wait()
            log.info("Stopping")
            users.cancel()
            reloads.cancel()
            exports.cancel()
            await supervisor.stop()
            await requests.aclose()
            storing.cancel()


async def follow_users(config: MainConfig, node: LocalNode) -> None:
    """Keep the users as the users file says, if there is one, until cancelled."""
    if config.users_file is not None:
        await UsersFile(config.users_file, node.access, SystemClock()).run()


def make_server(config: MainConfig, parts: Parts) -> Server:
    """Put the HTTP server together."""
    services = Services(
        node=parts.node,
        modules=parts.supervisor,
        archives=parts.importers,
        version=joule.__version__,
        configuration=parts.files,
        proxies=proxies(config),
        module_socket_dir=config.folders.sockets,
        importer_key=config.importer_key,
        tcp_port=None if config.ip_address is None else config.port,
        is_tls=config.security is not None,
        cafile=_cafile(config.security),
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
    if cafile := _cafile(security):
        environment["JOULE_CA_FILE"] = cafile
    return environment


def _cafile(security: Security | None) -> str:
    """Give the file of the authority that vouches for other nodes, empty without one."""
    authority = None if security is None else security.authority
    return "" if authority is None else str(authority)


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
