"""The client library: every method of a node as a coroutine, and the values they work with.

::

    node = joule.api.get_node()
    root = await node.folder_root()
    await node.close()
"""

from __future__ import annotations

from joule.api import old_paths
from joule.api.config import (
    create_tcp_node,
    create_unix_node,
    delete_node,
    get_node,
    get_nodes,
    save_node,
    set_default_node,
)
from joule.api.node import BaseNode, Node, TcpNode, UnixNode
from joule.api.node_files import NodeConfig
from joule.api.session import Policy
from joule.models.access import Master, NodeInfo
from joule.models.annotations import Annotation, AnnotationInfo
from joule.models.events import Event, EventStream, EventStreamInfo
from joule.models.folders import Folder
from joule.models.modules import ConfigFault, Module, ModuleStatistics, ReloadReport
from joule.models.proxies import Proxy
from joule.models.streams import DataStream, DataStreamInfo, Element

__all__ = [
    "Annotation",
    "AnnotationInfo",
    "BaseNode",
    "ConfigFault",
    "DataStream",
    "DataStreamInfo",
    "Element",
    "Event",
    "EventStream",
    "EventStreamInfo",
    "Folder",
    "Master",
    "Module",
    "ModuleStatistics",
    "Node",
    "NodeConfig",
    "NodeInfo",
    "Policy",
    "Proxy",
    "ReloadReport",
    "TcpNode",
    "UnixNode",
    "create_tcp_node",
    "create_unix_node",
    "delete_node",
    "get_node",
    "get_nodes",
    "save_node",
    "set_default_node",
]

old_paths.install()
