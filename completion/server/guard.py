"""What a request must have before anything looks at it: a known host, the token, a body that is not too large or slow.

A page of any web site that somebody looks at may send requests to a server on the same machine. It cannot read the
answers without this server's leave, which is not given; and a request under another host name than the machine's own
(DNS rebinding) is refused.
"""

import asyncio
import hmac
from collections.abc import Iterable

from completion.server.errors import error_response

# To be seen without the token: what a load balancer asks for, and the page, on which the token is entered.
OPEN_PATHS = ("/health", "/")
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_BODY_S = 30.0


class _TooLargeError(Exception):
    pass


class Guard:
    """An ASGI application around another."""

    def __init__(self, app, *, token: str | None, max_body_bytes: int, hosts: Iterable[str] | None):
        """Guards an application.

        Args:
          token: that requests must carry as `Authorization: Bearer TOKEN`; None for none.
          hosts: names under which the server may be asked, without ports; None for any.
        """
        self._app, self._token, self._max_bytes = app, token, max_body_bytes
        self._hosts = None if hosts is None else frozenset(hosts)

    async def __call__(self, scope, receive, send):
        """Lets a request through, or answers it with an error."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        try:
            body = await asyncio.wait_for(self._body(receive), _BODY_S)
        except _TooLargeError:
            await self._too_large()(scope, receive, send)
            return
        except TimeoutError:
            message = f"the request's body did not come within {_BODY_S:.0f} s"
            await error_response(408, message)(scope, receive, send)
            return
        given = False

        async def again():
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, again, send)

    def _refusal(self, scope, headers: dict[str, str]):
        host = headers.get("host", "")
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if self._hosts is not None and name.lower() not in self._hosts:
            return error_response(
                403, f"this server is asked as {', '.join(sorted(self._hosts))}, not as {host!r} (the Host header)"
            )
        if self._token is not None and scope["path"] not in OPEN_PATHS:
            kind, _, given = headers.get("authorization", "").partition(" ")
            right = hmac.compare_digest(given.strip().encode("latin-1", "replace"), self._token.encode())
            if kind.lower() != "bearer" or not right:
                message = "this server asks for its token: send the header `Authorization: Bearer TOKEN`"
                return error_response(401, message, headers={"WWW-Authenticate": "Bearer"})
        size = headers.get("content-length", "0")
        if size.isdecimal() and int(size) > self._max_bytes:
            return self._too_large()
        return None

    def _too_large(self):
        return error_response(
            413,
            f"the request has more than {self._max_bytes:,} bytes: send less of the file, the code next to the cursor "
            "is what the model reads",
        )

    async def _body(self, receive) -> bytes:
        parts, size = [], 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return b"".join(parts)
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._max_bytes:
                raise _TooLargeError
            if not message.get("more_body"):
                return b"".join(parts)
