"""The suite for event stores, put together."""

from __future__ import annotations

from joule.testing.engine_contract.event_selection import EventSelectionContract
from joule.testing.engine_contract.event_summary import EventSummaryContract
from joule.testing.engine_contract.event_writing import EventWritingContract


class EventStoreContract(EventWritingContract, EventSelectionContract, EventSummaryContract):
    """What every ``EventStore`` does."""
