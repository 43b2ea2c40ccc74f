"""Everything a node has stored, moved from one engine to any other.

Only the three protocols are used, so it works between all engines. It can be cut at any moment and
run again: what is there already stays, and each stream goes on behind its last row or event.
"""

from __future__ import annotations

from joule.storage.migration.mark import check_complete
from joule.storage.migration.migration import Migration

__all__ = ["Migration", "check_complete"]
