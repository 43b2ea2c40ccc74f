"""One exporter at work: archives of what is new, made when it is time, sent until they arrive."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from joule.errors import JouleError
from joule.node.archives.delivery import DeliveryError, deliver
from joule.node.archives.outbox import Outbox

if TYPE_CHECKING:
    from pathlib import Path

    from joule.config.exporter_conf import ExporterConf
    from joule.node.archives.marks import ExporterStates, Waiting
    from joule.node.clock import Clock
    from joule.node.local_node import LocalNode

logger = logging.getLogger(__name__)

RETRY_FIRST_S = 5.0
RETRY_MAX_S = 600.0
"""Waits between attempts to deliver; each is twice as long as the one before."""

_STRETCH = 100
"""While archives wait, the next is made after this part of the time that the oldest has waited."""


class Exporter:
    """Runs until it is cancelled; ``folder`` is for its archives alone."""

    def __init__(
        self,
        node: LocalNode,
        conf: ExporterConf,
        folder: Path,
        states: ExporterStates,
        clock: Clock,
        cafile: str = "",
    ) -> None:
        self._node = node
        self._conf = conf
        self._folder = folder
        self._states = states
        self._clock = clock
        self._cafile = cafile
        self._retry_s = RETRY_FIRST_S
        self._fault: str | None = None

    async def run(self) -> None:
        """Export now or when it is time, then again and again."""
        outbox: Outbox | None = None
        while True:
            try:
                outbox = outbox or await self._open()
                await self._turn(outbox)
            except (JouleError, OSError) as error:
                self._failed(str(error))
                outbox = None  # what is known for certain is in the record
            except Exception:
                # A mistake of ours: no reason for the node to end, nor for the other exporters.
                logger.exception("exporter [%s] failed, will try again", self._conf.name)
                self._fault = "failed"
                outbox = None
            else:
                if not outbox.state.waiting:
                    self._fault, self._retry_s = None, RETRY_FIRST_S
            await self._clock.sleep(self._pause_s(outbox))

    async def _open(self) -> Outbox:
        state = await self._states.load(self._conf.name)
        outbox = Outbox(self._node, self._conf, self._folder, state)
        await outbox.tidy()
        return outbox

    async def _turn(self, outbox: Outbox) -> None:
        """Deliver what waits and, when it is time, make and deliver what is new."""
        await self._deliver(outbox)
        now_us = self._clock.now_us()
        has_more = self._due_us(outbox) <= now_us
        while has_more:
            has_more = await outbox.fill(now_us)
            outbox.state.last_run_us = now_us
            await self._save(outbox)
            await self._deliver(outbox)
            has_more = has_more and not outbox.state.waiting

    # ------------------------------------------------------------------ delivering

    async def _deliver(self, outbox: Outbox) -> None:
        """Bring every archive to the targets that have not got it, the oldest first.

        A target that cannot be reached is not asked again for the next one. What has waited for
        too long is given up.
        """
        lost: set[str] = set()
        for waiting in list(outbox.state.waiting):
            left = await self._undelivered(outbox, waiting, lost)
            if left and outbox.is_too_old(waiting, self._clock.now_us()):
                left = []
            if left == waiting.targets:
                continue
            waiting.targets = left
            if not left:
                outbox.state.waiting.remove(waiting)
            await self._save(outbox)
            if not left:
                await outbox.remove(waiting)

    async def _undelivered(self, outbox: Outbox, waiting: Waiting, lost: set[str]) -> list[str]:
        """Send an archive; gives the targets that have not got it now, and adds to the lost."""
        wanted = [target for target in waiting.targets if target in self._conf.targets]
        if lost.issuperset(wanted):
            return wanted
        if not await outbox.restore(waiting):
            return []
        return [
            target
            for target in wanted
            if target in lost or not await self._sent(outbox, waiting, target, lost)
        ]

    async def _sent(self, outbox: Outbox, waiting: Waiting, target: str, lost: set[str]) -> bool:
        try:
            await deliver(self._conf, target, outbox.path(waiting), self._cafile)
        except DeliveryError as error:
            self._failed(f"[{waiting.file}] waits: {error}")
            if not error.is_refused:
                lost.add(target)
            return False
        logger.info("exporter [%s]: delivered [%s] (%s)", self._conf.name, waiting.file, target)
        return True

    async def _save(self, outbox: Outbox) -> None:
        await self._states.save(self._conf.name, outbox.state)

    # ------------------------------------------------------------------ when

    def _due_us(self, outbox: Outbox) -> int:
        """Give when the next archive is to be made; a run in the future is from a wrong clock."""
        last_us, now_us = outbox.state.last_run_us, self._clock.now_us()
        if last_us is None or last_us > now_us:
            return now_us
        wait_us = self._conf.frequency_us
        if outbox.state.waiting:  # larger ones less often: there must not be ever more of them
            wait_us = max(wait_us, (now_us - outbox.state.waiting[0].created_us) // _STRETCH)
        return last_us + wait_us

    def _pause_s(self, outbox: Outbox | None) -> float:
        pause_s = 0.0
        if outbox is not None:
            pause_s = max(0.0, (self._due_us(outbox) - self._clock.now_us()) / 1e6)
        if self._fault is None:
            return pause_s
        retry_s = self._next_retry_s()
        return pause_s if 0 < pause_s < retry_s else retry_s

    def _next_retry_s(self) -> float:
        retry_s, self._retry_s = self._retry_s, min(2 * self._retry_s, RETRY_MAX_S)
        return retry_s

    def _failed(self, fault: str) -> None:
        """Say what is wrong, once as long as it is the same."""
        if fault != self._fault:
            logger.warning("exporter [%s]: %s", self._conf.name, fault)
        self._fault = fault
