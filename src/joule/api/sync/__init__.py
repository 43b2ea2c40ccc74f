"""The client library without ``await``, for notebooks and short scripts.

The names are those of :mod:`joule.api`; methods wait for their result, pipes too::

    from joule.api import sync

    with sync.get_node() as node:
        for rows in node.data_read("/folder/stream"):
            print(rows["data"].mean())
"""

from __future__ import annotations

from joule.api.node_files import NodeConfig
from joule.api.session import Policy
from joule.api.sync.config import (
    create_tcp_node,
    create_unix_node,
    delete_node,
    get_node,
    get_nodes,
    save_node,
    set_default_node,
)
from joule.api.sync.node import Node, TcpNode, UnixNode
from joule.api.sync.pipes import InputPipe, OutputPipe, Pipe
from joule.models.access import Master, NodeInfo
from joule.models.annotations import Annotation, AnnotationInfo
from joule.models.events import Event, EventStream, EventStreamInfo
from joule.models.folders import Folder
from joule.models.modules import ConfigFault, Module, ModuleStatistics, ReloadReport
from joule.models.proxies import Proxy
from joule.models.streams import DataStream, DataStreamInfo, Element

BaseNode = Node
"""The name that annotations use."""

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
    "InputPipe",
    "Master",
    "Module",
    "ModuleStatistics",
    "Node",
    "NodeConfig",
    "NodeInfo",
    "OutputPipe",
    "Pipe",
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
