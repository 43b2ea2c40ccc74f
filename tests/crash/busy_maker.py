"""``jouled``, run as a program, with tiny compressed copies of rows that are made all the time."""

from __future__ import annotations

from joule.daemon.main import main
from joule.node import local_node
from joule.storage.postgres.rows import compressed_copies, compressing, row_reading

if __name__ == "__main__":
    local_node.MAINTENANCE_PERIOD_S = 0.05
    compressing.PAUSE_S = 0.0  # type: ignore[misc]
    compressed_copies.COPY_BYTES = 2048  # type: ignore[misc]
    row_reading.PAGE_BYTES = 64 * 1024  # type: ignore[misc]
    main()
