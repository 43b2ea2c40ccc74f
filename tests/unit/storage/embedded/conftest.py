from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from joule.storage.embedded import EmbeddedEngine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "joule.db"


@pytest.fixture
async def engine(path: Path) -> AsyncIterator[EmbeddedEngine]:
    async with EmbeddedEngine(path) as engine:
        yield engine
