"""``joule master``: who may control a node."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import click

from joule.cli import output
from joule.cli.options import as_json
from joule.cli.session import on_node
from joule.errors import ApiError
from joule.models.access import SCOPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joule.api import Master, Node

_KINDS = (
    ("Users", "USER"),
    ("Joule Nodes", "JOULE_NODE"),
    ("Lumen Nodes", "LUMEN_NODE"),
)
_TYPE = click.Choice(["user", "joule", "lumen"])


@click.group("master")
def group() -> None:
    """Manage who may control a node."""


@group.command("list")
@as_json
@on_node
async def list_masters(node: Node, as_json: bool) -> None:
    """List the users, nodes and Lumen servers that may control the node."""
    masters = await node.master_list()
    if as_json:
        output.document(
            [{"name": m.name, "type": m.master_type, "scope": m.scope} for m in masters]
        )
        return
    output.line("This node can be controlled by:")
    for title, kind in _KINDS:
        output.line(f"{title}:")
        names = [_shown(master) for master in masters if master.master_type == kind]
        _indented(names or ["[None]"])


def _shown(master: Master) -> str:
    return master.name if master.scope == "admin" else f"{master.name} ({master.scope})"


def _indented(lines: Sequence[str]) -> None:
    for line in lines:
        output.line(f"\t{line}")


@group.command("add")
@click.argument("kind", metavar="TYPE", type=_TYPE)
@click.argument("identifier")
@click.option("-k", "--key", help="The key of a user: 32 characters or more, random without this.")
@click.option("-u", "--remote-access-url", help="Where a Lumen server reaches this node.")
@click.option(
    "-s",
    "--scope",
    type=click.Choice(SCOPES),
    default="admin",
    help="What may be done: read, also write, or everything (admin, as it is without this).",
)
@on_node
async def add(
    node: Node,
    kind: str,
    identifier: str,
    key: str | None,
    remote_access_url: str | None,
    scope: str,
) -> None:
    """Let a user, another node or a Lumen server control the node.

    TYPE is user, joule or lumen; IDENTIFIER the name of the user, or the URL or host name of the
    node or server. The key of a user is shown this once.
    """
    if kind == "user":
        await _add_user(node, identifier, key, scope)
    elif kind == "joule":
        master = await node.master_add("joule", identifier, scope=scope)
        output.line(f"Access to [{node.name}] granted to Joule Node [{master.name}]")
    else:
        given = {"return_address": remote_access_url} if remote_access_url else {}
        await _add_lumen(node, identifier, given, scope)


async def _add_user(node: Node, name: str, key: str | None, scope: str) -> None:
    master = await node.master_add("user", name, api_key=key, scope=scope)
    output.line(f"Access to node [{node.name}] granted to user [{master.name}]")
    output.line(f"Key:\t{master.key}")
    output.line()
    output.line("The user adds the node with:")
    output.line(f"\tjoule node add {shlex.quote(node.name)} {node.url} {shlex.quote(master.key)}")


async def _add_lumen(node: Node, host: str, given: dict[str, Any], scope: str) -> None:
    try:
        await _register(node, host, given, scope)
    except ApiError as refusal:  # says what the server wants to know
        await _register(node, host, {**_asked_for(refusal), **given}, scope)
    output.line(f"Access to [{node.name}] granted to Lumen Node [{host}]")


def _asked_for(refusal: ApiError) -> dict[str, Any]:
    """Ask the user for what a Lumen server wants; other refusals are raised again."""
    if "auth_key" in refusal.text:
        return {"auth_key": click.prompt("Lumen authorization key")}
    if "first_name" in refusal.text:
        output.line("This Lumen server is new, set up the account of its owner")
        return {
            "first_name": click.prompt("First Name"),
            "last_name": click.prompt("Last Name"),
            "email": click.prompt("E-mail"),
            "password": click.prompt("Password", hide_input=True, confirmation_prompt=True),
        }
    raise refusal


async def _register(node: Node, host: str, parameters: dict[str, Any], scope: str) -> None:
    """Register the node; a Lumen server that cannot reach it has done so all the same."""
    try:
        await node.master_add("lumen", host, parameters, scope=scope)
    except ApiError as error:
        if not ("cannot contact node at" in error.text and "[422]" in error.text):
            raise
        output.note(f"Warning: Lumen {error.text.removesuffix(' [422]')}")
        output.note("Put the address of the node right in Lumen, or use --remote-access-url")


@group.command("delete")
@click.argument("kind", metavar="TYPE", type=_TYPE)
@click.argument("name")
@on_node
async def delete(node: Node, kind: str, name: str) -> None:
    """Take access away from NAME; TYPE is user, joule or lumen."""
    await node.master_delete(kind, name)
    output.line(f"Access to node [{node.name}] revoked for {kind} [{name}]")
