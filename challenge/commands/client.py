"""A participant's client for a leaderboard's HTTP API, and the file that stores its address and token."""

import json
import os
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx
import platformdirs

from challenge.results.verdicts import Status
from challenge.scoring.tracks import Track
from challenge.util.atomic_files import atomic_write
from challenge.util.http import ONCE, HttpClient, RetryPolicy, ServerError

DEFAULT_SERVER: Final = "http://127.0.0.1:8000"


@dataclass(frozen=True)
class Account:
    """A leaderboard's address, and a user's token for it ('' without one)."""

    server: str = DEFAULT_SERVER
    token: str = ""

    @classmethod
    def find(cls, server: str | None = None) -> Self:
        """The account to use: the argument, else $MBC_SERVER and $MBC_TOKEN, else the configuration file.

        A stored token is only sent to the server that it was stored for.

        Raises:
            ServerError: the configuration file exists and cannot be read.
        """
        path = config_path()
        try:
            values = tomllib.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            values = {}
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ServerError(f"{path} cannot be read ({error}): `mbc login` writes a new one.") from error
        account = cls(_normalized(str(values.get("server", DEFAULT_SERVER))), str(values.get("token", "")))
        wanted = server or os.environ.get("MBC_SERVER")
        if wanted and _normalized(wanted) != account.server:
            account = cls(_normalized(wanted))
        return replace(account, token=os.environ.get("MBC_TOKEN") or account.token)

    def remember(self) -> Path:
        """Write the configuration file, readable by its owner only; returns its path."""
        path = config_path()
        path.parent.mkdir(parents=True, exist_ok=True)
        # A JSON string is a TOML string.
        text = f"server = {json.dumps(self.server)}\ntoken = {json.dumps(self.token)}\n"
        with atomic_write(path) as partial:
            partial.touch(mode=0o600)
            partial.write_text(text, "utf-8")
        return path


def config_path() -> Path:
    """Path of the configuration file; $MBC_CONFIG overrides it."""
    if named := os.environ.get("MBC_CONFIG"):
        return Path(named)
    return platformdirs.user_config_path("mbc") / "config.toml"


def _normalized(server: str) -> str:
    return server.strip().rstrip("/")


@dataclass(frozen=True)
class SubmissionStatus:
    """What the server reports about a submission.

    Attributes:
        values: the whole JSON object.
    """

    values: dict[str, Any]

    @property
    def id(self) -> int:
        """The submission's number."""
        return int(self.values["id"])

    @property
    def status(self) -> Status:
        """One of the contract's statuses."""
        return Status(self.values["status"])

    @property
    def final(self) -> bool:
        """Whether nothing more happens by itself: it has ended, or goes on only if somebody asks."""
        return self.status.final or self.deferred

    @property
    def provisional(self) -> bool:
        """Whether its octaves are measured and the verdict is still to come."""
        return bool(self.values.get("provisional"))

    @property
    def deferred(self) -> bool:
        """Whether the verdict comes only if its owner asks for it."""
        return bool(self.values.get("deferred"))

    @property
    def track(self) -> str:
        """Name of the track that this status belongs to."""
        return str(self.values.get("track") or Track.OPEN.value)

    def on(self, track: str) -> "SubmissionStatus | None":
        """The submission's status on one track; None if it is not on that track."""
        for one in self.values.get("evaluations") or [self.values]:
            if one.get("track", Track.OPEN.value) == track:
                return SubmissionStatus(self.values | one)
        return None

    @property
    def tracks(self) -> list["SubmissionStatus"]:
        """Its status on every track that it is on."""
        return [found for track in Track if (found := self.on(track.value)) is not None]

    @property
    def url(self) -> str:
        """Address of its page; '' if unknown."""
        return str(self.values.get("url") or "")

    @property
    def progress(self) -> float:
        """Finished share of the evaluation, in [0, 1]."""
        return float(self.values.get("progress") or 0.0)

    @property
    def message(self) -> str:
        """What the evaluation is doing, in a few words."""
        if self.status is Status.QUEUED and self.values.get("queue_position"):
            seconds = self.values.get("queue_seconds") or 0
            wait = f", about {max(1, round(seconds / 60))} min" if seconds >= 30 else ""
            return f"number {self.values['queue_position']} in the queue{wait}"
        return str(self.values.get("message") or "")


class Client:
    """Client of the leaderboard's HTTP API, version 1. Use as a context manager.

    Every method raises ServerError if the server is unreachable, rejects the token or refuses the request.
    """

    def __init__(self, account: Account, *, transport: httpx.BaseTransport | None = None) -> None:
        self._http = HttpClient(account.server, "/api/v1", account.token, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def whoami(self) -> dict[str, Any]:
        """The user that the token belongs to."""
        return self._ask("GET", "/whoami")

    def limits(self) -> dict[str, Any]:
        """Limits of bundles and of hand-ins."""
        return self._ask("GET", "/limits")

    def board(self, season: str | None = None, page: int = 1, **more: str) -> dict[str, Any]:
        """One page of a season's board; of the open season by default."""
        named = {"season": season} if season else {}
        return self._ask("GET", "/board", params={"page": page} | named | more)

    def submit(self, bundle: Path, track: str = "both") -> SubmissionStatus:
        """Submit a bundle's zip file for one track or for "both"."""
        with bundle.open("rb") as stream:
            files = {"bundle": (bundle.name, stream)}
            return self._status("POST", "/submissions", files=files, data={"track": track})

    def submission(self, submission_id: int, retry: RetryPolicy = ONCE) -> SubmissionStatus:
        """The status of one submission."""
        return self._status("GET", f"/submissions/{submission_id}", retry=retry)

    def cancel(self, submission_id: int, track: str | None = None) -> SubmissionStatus:
        """Cancel one's own submission, on one track or on all."""
        params = {"track": track} if track else {}
        return self._status("POST", f"/submissions/{submission_id}/cancel", params=params)

    def certify(self, submission_id: int, track: str | None = None) -> SubmissionStatus:
        """Ask for the verdict of one's own submission, on one track or on all."""
        params = {"track": track} if track else {}
        return self._status("POST", f"/submissions/{submission_id}/certify", params=params)

    def seasons(self) -> list[dict[str, Any]]:
        """Every season, the newest first; those that have ended with their secret."""
        found: list[dict[str, Any]] = []
        page, pages = 1, 1
        while page <= pages:
            values = self._ask("GET", "/seasons", params={"page": page})
            try:
                found += values["seasons"]
                pages = int(values["page"]["pages"])
            except (KeyError, TypeError, ValueError) as error:
                raise self._not_a_leaderboard() from error
            page += 1
        return found

    def report(self, submission_id: int, season: str) -> dict[str, Any]:
        """The report of a submission on the open track of a season."""
        params = {"season": season, "track": Track.OPEN.value}
        return self._ask("GET", f"/submissions/{submission_id}/report", params=params)

    def bundle(self, submission_id: int) -> bytes:
        """The zip file of a submission that may be passed on."""
        return self._send("GET", f"/submissions/{submission_id}/bundle").content

    def _status(self, method: str, path: str, **rest: Any) -> SubmissionStatus:
        values = self._ask(method, path, **rest)
        try:
            Status(values["status"])
            int(values["id"])
        except (KeyError, TypeError, ValueError) as error:
            raise self._not_a_leaderboard() from error
        return SubmissionStatus(values)

    def _ask(self, method: str, path: str, **rest: Any) -> dict[str, Any]:
        try:
            values = self._send(method, path, **rest).json()
        except ValueError as error:
            raise self._not_a_leaderboard() from error
        if not isinstance(values, dict):
            raise self._not_a_leaderboard()
        return values

    def _send(self, method: str, path: str, **rest: Any) -> httpx.Response:
        """Send a request and return a successful answer."""
        return self._http.request(method, path, **rest)

    def _not_a_leaderboard(self) -> ServerError:
        return ServerError(f"The server at {self._http.server} is not a leaderboard of this challenge.")
