"""What the daemon does when it is sent a signal."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from typing import TYPE_CHECKING

from joule.errors import JouleError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

_STANDARD = (0, 1, 2)


class Signals:
    """SIGINT and SIGTERM stop the daemon, SIGHUP lets it read its configuration files again.

    SIGHUP is also what a closed terminal sends: then the daemon that was started in it stops. A
    SIGHUP that is ignored when it starts, as under ``nohup``, stays so.
    """

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self._reload = asyncio.Event()
        self._terminals = [fd for fd in _STANDARD if os.isatty(fd)]
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stop.set)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            loop.add_signal_handler(signal.SIGHUP, self._hang_up)

    async def follow(self, reload: Callable[[], Awaitable[object]]) -> None:
        """Call ``reload`` whenever it is asked for, until cancelled."""
        while True:
            await self._reload.wait()
            self._reload.clear()
            try:
                await reload()
            except JouleError:
                log.exception("Cannot reload the configuration")

    def _hang_up(self) -> None:
        gone = [fd for fd in self._terminals if not os.isatty(fd)]
        if gone:
            _silence(gone)
            self.stop.set()
        else:
            self._reload.set()


def _silence(descriptors: list[int]) -> None:
    """Let what is still to be printed vanish: on a closed terminal it would be an error."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in descriptors:
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
