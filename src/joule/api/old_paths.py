"""Where scripts of Joule 1.0 import names from: each old path is the module that has them now."""

from __future__ import annotations

import sys
from importlib import import_module

_HOMES = {
    "annotation": "joule.models.annotations",
    "data_stream": "joule.models.streams",
    "event": "joule.models.events",
    "event_stream": "joule.models.events",
    "folder": "joule.models.folders",
    "folder_type": "joule.models.folders",
    "helpers": "joule.api.config",
    "master": "joule.models.access",
    "module": "joule.models.modules",
    "node.base_node": "joule.api.node",
    "node.node_config": "joule.api.node_files",
    "node.node_info": "joule.models.access",
    "node.tcp_node": "joule.api.node",
    "node.unix_node": "joule.api.node",
    "proxy": "joule.models.proxies",
}


def install() -> None:
    """Let the old paths be imported."""
    for old, home in _HOMES.items():
        module = import_module(home)
        path = f"joule.api.{old}"
        sys.modules[path] = module
        parent, _, name = path.rpartition(".")
        setattr(sys.modules[parent], name, module)
