"""Modules as processes: start, watch, restart, stop, and the byte pipes between them and the node.

It knows processes, pipes and the node's data; neither SQL nor HTTP.
"""

from __future__ import annotations

from joule.supervisor.supervisor import Supervisor
from joule.supervisor.worker import Timing

__all__ = ["Supervisor", "Timing"]
