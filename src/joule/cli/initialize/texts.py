"""The configuration files of a new node: the main file, and an example of each other kind."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class NewNode:
    """What is asked for: where everything goes, and what the main file says."""

    folder: Path
    data: Path
    sockets: Path
    name: str
    address: str
    port: int
    dsn: str | None
    has_users_file: bool

    @property
    def main_file(self) -> Path:
        """The main file."""
        return self.folder / "main.conf"

    @property
    def users_file(self) -> Path:
        """The users file."""
        return self.folder / "users.conf"


_MAIN = """\
# The main file of this node. All settings are explained in docs/configuration.md; it is read when
# jouled starts. joule doctor says what is wrong with it.

[Main]
Name = {name}
IPAddress = {address}
Port = {port}
DataDirectory = {data}
SocketDirectory = {sockets}
ModuleDirectory = {folder}/module_configs
DataStreamDirectory = {folder}/data_stream_configs
EventStreamDirectory = {folder}/event_stream_configs
ImporterConfigsDirectory = {folder}/importer_configs
ExporterConfigsDirectory = {folder}/exporter_configs
ImporterKey = {importer_key}
MaxLogLines = 100
EchoModuleLogs = yes
{database}
{users}

[Proxies]
# a site = http://localhost:3000

# With a certificate the node speaks https.
# [Security]
# Certificate = {folder}/security/server.crt
# Key = {folder}/security/server.key
# CertificateAuthority = {folder}/security/ca.crt
"""


def main_text(node: NewNode) -> str:
    """Give the text of the main file."""
    return _MAIN.format(
        name=node.name,
        address=node.address,
        port=node.port,
        data=_escaped(str(node.data)),
        sockets=_escaped(str(node.sockets)),
        folder=_escaped(str(node.folder)),
        importer_key=secrets.token_hex(16),
        database=f"Database = {_escaped(node.dsn)}" if node.dsn else "# Database = sqlite:///FILE",
        users=("" if node.has_users_file else "# ")
        + f"UsersFile = {_escaped(str(node.users_file))}",
    )


def _escaped(text: str) -> str:
    return text.replace("%", "%%")


_MODULE = """\
# Copy this to a file that ends in .conf, then: joule admin reload
[Main]
name = Example Reader
exec_cmd = joule-random-reader
description = random numbers, ten rows a second

[Arguments]
width = 2
rate = 10

[Outputs]
output = /example/random:float32[x, y]
"""

_DATA_STREAM = """\
# Copy this to a file that ends in .conf, then: joule admin reload
[Main]
name = volts
path = /example
datatype = float32
keep = 1w

[Element1]
name = phase A
units = V
"""

_EVENT_STREAM = """\
# Copy this to a file that ends in .conf, then: joule admin reload
[Main]
name = trips
path = /example
keep = all

[Field1]
name = reason
type = string
"""

_IMPORTER = """\
# Copy this to a file that ends in .conf, then: joule admin reload (see docs/archives.md)
[Main]
name = daily
node = the name of the node that exports

[DataStream.1]
source_label = volts
path = /mirror/volts
merge_gap = 5s

[EventStream.1]
source_label = trips
path = /mirror/trips
on_conflict = keep_both
"""

_EXPORTER = """\
# Copy this to a file that ends in .conf, then: joule admin reload (see docs/archives.md)
[Main]
name = daily

[Target]
destination_url = https://hub.example:8088
destination_url_key = the ImporterKey of that node
# path = /srv/outbox
frequency = 1h
backlog = 2d
retain = all

[DataStream.1]
source_label = volts
path = /example/volts

[EventStream.1]
source_label = trips
path = /example/trips
"""

EXAMPLES: Mapping[str, tuple[str, str]] = {
    "module_configs": ("module.example", _MODULE),
    "data_stream_configs": ("data_stream.example", _DATA_STREAM),
    "event_stream_configs": ("event_stream.example", _EVENT_STREAM),
    "importer_configs": ("importer.example", _IMPORTER),
    "exporter_configs": ("exporter.example", _EXPORTER),
}
"""Folder to name and text of the example in it."""

USERS = """\
# One user to a line: name, key (32 characters or more). The file is followed while the node runs.
# DELETE name takes access away; removing a line does not.
"""
