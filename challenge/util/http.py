"""One HTTP client for everything that talks to a leaderboard: time-outs, retries and error sentences.

`mbc submit`, workers and tile workers use it. A request is repeated while the server cannot be reached, is
overloaded (429) or fails (5xx), until the client's patience is over; any other refusal is raised at once.
"""

import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import httpx

CONNECT_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 60.0


@dataclass(frozen=True)
class RetryPolicy:
    """How long a request is repeated.

    Attributes:
        patience_seconds: from the first try; 0 tries once.
        pause_seconds: between two tries.
    """

    patience_seconds: float = 0.0
    pause_seconds: float = 1.0


ONCE: Final = RetryPolicy()


class ServerError(Exception):
    """The server refused a request or could not be reached. The message is a sentence for people.

    Attributes:
        status: HTTP status; 0 if the server was not reached.
        code: the server's error code; a value of `Reason` if it refused a bundle, '' if it sent none.
    """

    def __init__(self, sentence: str, status: int = 0, code: str = "") -> None:
        self.status = status
        self.code = code
        super().__init__(sentence)

    @property
    def temporary(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status in (0, 429) or self.status >= 500


class AddressError(ServerError):
    """What was given as the server's address is none."""


class HttpClient:
    """Client of one server's API. Use as a context manager, or call `close`.

    Args:
        server: address like "http://127.0.0.1:8000".
        path: of the API on the server, like "/api/v1".
        token: sent as a bearer token; '' sends none.
        retry: how long a request is repeated.
        answer_seconds: longest wait for an answer.
        environment: whether proxies of the environment are used.
        transport: for tests.

    Raises:
        AddressError: `server` is no address.
    """

    def __init__(
        self,
        server: str,
        path: str,
        token: str = "",
        *,
        retry: RetryPolicy = ONCE,
        answer_seconds: float = ANSWER_SECONDS,
        environment: bool = True,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.server = server.rstrip("/")
        self._retry = retry
        try:
            self._http = httpx.Client(
                base_url=self.server + path,
                headers={"Authorization": f"Bearer {token}"} if token else {},
                timeout=httpx.Timeout(answer_seconds, connect=CONNECT_SECONDS),
                trust_env=environment,
                # SSL_CERT_FILE and SSL_CERT_DIR always count, for boards whose issuer is their own.
                verify=httpx.create_ssl_context(),
                transport=transport,
            )
        except (httpx.InvalidURL, ValueError, UnicodeError) as error:
            raise AddressError(f"{server!r} is no server address: {error}.") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def request(
        self, method: str, path: str, retry: RetryPolicy | None = None, **rest: Any
    ) -> httpx.Response:
        """Send a request; returns the answer, which is a success (2xx).

        Args:
            method: of HTTP.
            path: below the API's.
            retry: instead of the client's.
            rest: further arguments of `httpx.Client.request`.

        Raises:
            ServerError: the server refused it, or could not be reached within the patience.
        """
        retry = retry or self._retry
        deadline = time.monotonic() + retry.patience_seconds
        while True:
            try:
                return self._once(method, path, **rest)
            except AddressError:
                raise
            except ServerError as error:
                if not error.temporary or time.monotonic() >= deadline:
                    raise
            time.sleep(retry.pause_seconds)

    def _once(self, method: str, path: str, **rest: Any) -> httpx.Response:
        try:
            # To a bundle in object storage; httpx does not send the token to another host.
            answer = self._http.request(method, path, follow_redirects=method == "GET", **rest)
        except httpx.UnsupportedProtocol as error:
            raise AddressError(
                f"{self.server!r} is no server address: an address starts with http:// or https://."
            ) from error
        except httpx.TimeoutException as error:
            raise ServerError(f"The leaderboard at {self.server} did not answer in time.") from error
        except httpx.TransportError as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise ServerError(
                    f"The certificate of {self.server} is not trusted here ({error}). For one of "
                    "your own issuer, set SSL_CERT_FILE to a file with that issuer's certificate."
                ) from error
            raise ServerError(
                f"There is no leaderboard at {self.server} ({error}). Start one with `mbc serve`, "
                "or name another with `mbc login` or $MBC_SERVER."
            ) from error
        if answer.is_success:
            return answer
        raise self._refusal(answer)

    def _refusal(self, answer: httpx.Response) -> ServerError:
        """The error for an answer that is a problem document (RFC 9457), or none."""
        try:
            problem = answer.json()
            code, sentence = str(problem["code"]), str(problem["detail"])
            advice = str(problem.get("help", ""))
        except (ValueError, KeyError, TypeError, AttributeError):
            code, advice = "", ""
            sentence = f"{self.server} answered {answer.status_code} {answer.reason_phrase}."
        if answer.status_code == 401:
            known = "Authorization" in self._http.headers
            advice = "`mbc login` stores another token." if known else "`mbc login` first."
        return ServerError(f"{sentence} {advice}".strip(), answer.status_code, code)
