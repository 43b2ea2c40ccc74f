"""Archives: streams as files that a node makes of what is new, and another one imports.

``members``, ``reader`` and ``writer`` know the file, ``exporters`` make and send them,
``importers`` take them in.
"""

from __future__ import annotations

from joule.node.archives.exporters import Exporters
from joule.node.archives.importers import Importers

__all__ = ["Exporters", "Importers"]
