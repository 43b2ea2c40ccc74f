"""The whole HTTP interface of a node, described once: as OpenAPI 3.1 and as a page to read.

One file per noun says what each request takes, gives and refuses; ``objects`` has the JSON
objects. A node serves what is described here and nothing else, and tests compare the two.
"""

from __future__ import annotations

from joule.wire.openapi.document import OPERATIONS, document
from joule.wire.openapi.page import page

__all__ = ["OPERATIONS", "document", "page"]
