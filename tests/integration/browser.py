"""A browser without a window, driven through its debugging protocol."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import signal
import tempfile
from typing import Any, Self

import aiohttp

START_S = 60.0
"""The first start of a browser is slow on a small machine."""


class Browser:
    """One page of a browser; ``faults`` are the requests and scripts that failed in it."""

    def __init__(self, program: str) -> None:
        self._program = program
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self.faults: list[str] = []

    async def __aenter__(self) -> Self:
        self._folder = tempfile.mkdtemp(prefix="browser-")
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"]
        options += ["--remote-debugging-port=0", f"--user-data-dir={self._folder}", "about:blank"]
        self._process = await asyncio.create_subprocess_exec(
            self._program,
            *options,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        self._session = aiohttp.ClientSession()
        try:
            async with asyncio.timeout(START_S):
                await self._connect()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        if self._socket is not None:
            await self._socket.close()
        await self._session.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _connect(self) -> None:
        assert self._process.stderr is not None
        while b"DevTools listening on" not in (line := await self._process.stderr.readline()):
            assert line, "the browser ended"
        port = line.decode().partition("ws://")[2].partition("/")[0]
        async with self._session.get(f"http://{port}/json/list") as answer:
            [page] = [each for each in await answer.json() if each["type"] == "page"]
        self._socket = await self._session.ws_connect(page["webSocketDebuggerUrl"])
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._drain())]
        await self.send("Runtime.enable")
        await self.send("Log.enable")

    async def _drain(self) -> None:
        assert self._process.stderr is not None
        while await self._process.stderr.readline():
            pass

    async def _listen(self) -> None:
        assert self._socket is not None
        async for message in self._socket:
            said = message.json()
            if "id" in said:
                self._answers.pop(said["id"]).set_result(said)
            elif said["method"] == "Runtime.exceptionThrown":
                self.faults.append(str(said["params"]["exceptionDetails"]))
            elif said["method"] == "Log.entryAdded" and said["params"]["entry"]["level"] == "error":
                self.faults.append(said["params"]["entry"]["text"])

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Give a command and wait for its result."""
        number = next(self._numbers)
        self._answers[number] = asyncio.get_running_loop().create_future()
        assert self._socket is not None
        await self._socket.send_json({"id": number, "method": method, "params": params})
        answer = await self._answers[number]
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    async def open(self, url: str) -> None:
        """Go to an address."""
        assert "errorText" not in await self.send("Page.navigate", url=url)

    async def value(self, script: str) -> Any:
        """Give the value of an expression in the page, None when it fails."""
        answer = await self.send("Runtime.evaluate", expression=script, returnByValue=True)
        return answer["result"].get("value")

    async def until(self, condition: str, timeout_s: float = 30) -> bool:
        """Wait until an expression is true in the page; False when that never happens."""
        try:
            async with asyncio.timeout(timeout_s):
                while await self.value(condition) is not True:  # noqa: ASYNC110 - a page
                    await asyncio.sleep(0.1)
        except TimeoutError:
            return False
        return True
