"""``joule admin authorize``: access for the user who owns the machine, without asking the node.

A running node is told through its UNIX socket; otherwise the key goes straight into its store.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import click
import psutil

import joule
from joule.cli import output
from joule.cli.host import host_node
from joule.config.places import API_SOCKET, PID_FILE, node_url, socket_folder
from joule.errors import ApiError, ConflictError, NodeConnectionError
from joule.models.access import key_hash, new_key
from joule.storage import open_engine
from joule.storage.interfaces import CatalogChanges, Kind, MasterRecord
from joule.wire.routes import Route

if TYPE_CHECKING:
    from pathlib import Path

    from joule.config.main_conf import MainConfig

_PROXIES = ("https://localhost/joule", "http://localhost/joule")


@click.command("authorize")
@host_node
@click.option("-u", "--url", help="Where the node can be reached.")
def authorize(config: MainConfig, url: str | None) -> None:
    """Give yourself access to the node of this machine.

    It is looked for as jouled does: in --config, in --data, in /etc/joule/main.conf, and in your
    own data folder.
    """
    name = asyncio.run(_authorize(config, url))
    output.line(f"Access to node [{name}] granted to user [{_user()}]")


def _user() -> str:
    return os.environ.get("SUDO_USER") or os.environ.get("LOGNAME") or getpass.getuser()


async def _authorize(config: MainConfig, url: str | None) -> str:
    address = (url or _url(config) or await _proxied_url()).rstrip("/")
    key = _saved_key(address) or new_key()
    try:
        name = await _grant(config, key)
    except ConflictError:  # the saved key is somebody else's
        key = new_key()
        name = await _grant(config, key)
    joule.api.save_node(joule.api.create_tcp_node(address, key, name))
    return name


def _url(config: MainConfig) -> str | None:
    """Give the URL of the node; one without a main file may have been given any port."""
    if config.file is None:
        with contextlib.suppress(OSError, ValueError, psutil.Error):
            pid = int((socket_folder(config.folders) / PID_FILE).read_text())
            for connection in psutil.Process(pid).net_connections("tcp"):
                if connection.status == psutil.CONN_LISTEN:
                    host, port = connection.laddr
                    return node_url(replace(config, ip_address=host, port=port))
    return node_url(config)


def _saved_key(url: str) -> str | None:
    """Give the key that the user has for this URL, so that it stays good wherever it is used."""
    saved = [node.to_config() for node in joule.api.get_nodes()]
    return next((entry.key for entry in saved if entry.url == url and len(entry.key) >= 32), None)


async def _proxied_url() -> str:
    for url in _PROXIES:
        async with joule.api.TcpNode("node", url, "", verify=False) as node:
            try:
                await node.version()
            except NodeConnectionError:
                continue
            except ApiError as error:
                if error.status == 403:
                    return url
    raise click.ClickException("Cannot determine Joule URL, please specify with --url")


async def _grant(config: MainConfig, key: str) -> str:
    """Make the key good; gives the name of the node."""
    socket = socket_folder(config.folders) / API_SOCKET
    if socket.is_socket():
        try:
            return await _grant_by_node(socket, key)
        except NodeConnectionError:  # what a daemon that was killed left behind
            pass
    await _grant_in_store(config, key)
    return config.name


async def _grant_by_node(socket: Path, key: str) -> str:
    request = {
        "master_type": "user",
        "identifier": _user(),
        "api_key": key,
        "lumen_params": None,
        "replace": True,
    }
    async with joule.api.UnixNode("local", str(socket)) as node:
        answer = await node.session.post(Route.MASTER, request)
    name: str = answer["name"]
    return name


async def _grant_in_store(config: MainConfig, key: str) -> None:
    if config.database is None and not config.folders.data.is_dir():
        raise click.ClickException(f"There is no node at [{config.folders.data}], start jouled")
    async with open_engine(config.database, config.folders.data) as engine:
        masters = (await engine.catalog.load()).masters
        mine = [each for each in masters if each.type == "USER" and each.name == _user()]
        if any(each.key_hash == key_hash(key) for each in masters if each not in mine):
            raise ConflictError("this API key belongs to somebody else")
        if mine:
            record = replace(mine[0], key_hash=key_hash(key))
        else:
            number = (await engine.catalog.allocate(Kind.MASTER))[0]
            record = MasterRecord(number, _user(), "USER", key_hash(key), "admin", None)
        await engine.catalog.apply(CatalogChanges(put=[record]))
