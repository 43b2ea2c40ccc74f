"""A request on its way to an app, and what the caller is told when the app does not answer."""

from __future__ import annotations

import html
import logging
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import unquote

import aiohttp
from aiohttp import web
from yarl import URL

from joule.errors import InvalidRequestError
from joule.server.relay.clients import RELAY_CLIENTS
from joule.server.relay.headers import for_app
from joule.server.relay.http import ask, hand_back
from joule.server.relay.websocket import bridge, connect
from joule.server.streams import LASTING, cut_off

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.server.relay.apps import App

logger = logging.getLogger(__name__)


async def pass_on(request: web.Request, app: App, path: str, answer_s: float) -> web.StreamResponse:
    """Let an app answer a request; ``path`` is what follows the app's own address, undecoded.

    ``answer_s`` is how long the app may neither take anything nor begin to answer. Leaving early,
    because the caller has gone or the server stops, ends the app's side too.
    """
    url = _address(app, path, request.rel_url.raw_query_string)
    prefix = request.rel_url.raw_path.removesuffix(f"/{path}")
    headers = for_app(request, prefix, keep_host=app.socket is not None)
    with request.app[LASTING].until_stopped() as outcome:
        client = request.app[RELAY_CLIENTS].client(app)
        if web.WebSocketResponse().can_prepare(request):
            with _told(request, app, answer_s):
                other = await connect(client, url, request, headers, answer_s)
            return await bridge(request, other)
        with _told(request, app, answer_s):
            answer = await ask(client, url, request, headers, answer_s)
        return await hand_back(request, answer)
    assert outcome.stopped
    cut_off(request)
    return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE)


def _address(app: App, path: str, query: str) -> URL:
    if ".." in unquote(path).split("/"):
        raise InvalidRequestError("invalid path")
    return URL(f"{app.url}{path}{'?' if query else ''}{query}", encoded=True)


@contextmanager
def _told(request: web.Request, app: App, answer_s: float) -> Iterator[None]:
    """Answer with a page that says what is wrong when an app cannot be asked."""
    try:
        yield
    except aiohttp.WSServerHandshakeError as error:
        text = f"[{app.name}] refused the WebSocket with status {error.status}"
        raise _page(request, web.HTTPBadGateway, text) from error
    except TimeoutError as error:
        text = f"[{app.name}] does not answer, gave up after {answer_s:g} s"
        raise _page(request, web.HTTPGatewayTimeout, text) from error
    except (aiohttp.ClientError, OSError) as error:
        logger.debug("%s %s: %s", request.method, request.path, error)
        raise _page(request, web.HTTPBadGateway, _reason(app, error)) from error


def _reason(app: App, error: Exception) -> str:
    if isinstance(error, (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError)):
        return f"the certificate of [{app.name}] at {app.url} is not trusted"
    if not isinstance(error, aiohttp.ClientConnectorError | FileNotFoundError):
        return f"[{app.name}] broke off without an answer"
    if app.socket is None:
        return f"[{app.name}] cannot be reached at {app.url}"
    return f"[{app.name}] has no web interface now, see its log: joule module logs {app.name}"


def _page(request: web.Request, kind: type[web.HTTPException], text: str) -> web.HTTPException:
    """Make an error answer: text for programs, a small page for browsers."""
    if "text/html" not in request.headers.get("Accept", ""):
        return kind(text=text)
    phrase = HTTPStatus(kind.status_code).phrase
    body = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{phrase}</title>'
        f"<h1>{phrase}</h1><p>{html.escape(text)}</p></html>"
    )
    return kind(text=body, content_type="text/html")
