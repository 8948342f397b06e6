"""A leaderboard's HTTP interface, from a participant's side, and the file that remembers which one."""

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

DEFAULT_SERVER: Final = "http://127.0.0.1:8000"
CONNECT_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 60.0


class ServerError(Exception):
    """The leaderboard did not do what was asked. Its text is a sentence for people.

    Attributes:
        status: HTTP status; 0 where the server was not reached at all.
        code: the server's word for it; a value of `Reason` where it refused a bundle.
    """

    def __init__(self, sentence: str, status: int = 0, code: str = "") -> None:
        self.status = status
        self.code = code
        super().__init__(sentence)


@dataclass(frozen=True)
class Account:
    """A leaderboard's address, and one's token for it ('' for a visitor)."""

    server: str = DEFAULT_SERVER
    token: str = ""

    @classmethod
    def find(cls, server: str | None = None) -> Self:
        """From the configuration file, then $MBC_SERVER and $MBC_TOKEN, then the argument.

        A remembered token goes to the server that it was remembered for, and to no other.

        Raises:
            ServerError: the file is there and cannot be read.
        """
        path = config_path()
        try:
            values = tomllib.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            values = {}
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ServerError(f"{path} cannot be read ({error}): `mbc login` writes it anew.") from error
        remembered = cls(_address(str(values.get("server", DEFAULT_SERVER))), str(values.get("token", "")))
        wanted = server or os.environ.get("MBC_SERVER")
        found = remembered
        if wanted and _address(wanted) != remembered.server:
            found = cls(_address(wanted))
        return replace(found, token=os.environ.get("MBC_TOKEN") or found.token)

    def remember(self) -> Path:
        """Write the configuration file, readable by its owner alone."""
        path = config_path()
        path.parent.mkdir(parents=True, exist_ok=True)
        # A JSON string is a TOML string.
        text = f"server = {json.dumps(self.server)}\ntoken = {json.dumps(self.token)}\n"
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        partial.touch(mode=0o600)
        partial.write_text(text, "utf-8")
        partial.replace(path)
        return path


def config_path() -> Path:
    """Where the account is remembered; $MBC_CONFIG names another file."""
    if named := os.environ.get("MBC_CONFIG"):
        return Path(named)
    return platformdirs.user_config_path("mbc") / "config.toml"


def _address(server: str) -> str:
    return server.strip().rstrip("/")


@dataclass(frozen=True)
class Standing:
    """How a submission stands.

    Attributes:
        values: everything that the server said of it.
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
        """Whether nothing more happens by itself."""
        return self.status.final

    @property
    def track(self) -> str:
        """The track that it stands on like this."""
        return str(self.values.get("track") or Track.OPEN.value)

    def on(self, track: str) -> "Standing | None":
        """The same submission on one track; None where it is not on it."""
        for one in self.values.get("evaluations") or [self.values]:
            if one.get("track", Track.OPEN.value) == track:
                return Standing(self.values | one)
        return None

    @property
    def tracks(self) -> list["Standing"]:
        """How it stands on each track that it is on."""
        return [found for track in Track if (found := self.on(track.value)) is not None]

    @property
    def url(self) -> str:
        """Its page."""
        return str(self.values.get("url") or "")

    @property
    def progress(self) -> float:
        """Share of the evaluation that is done."""
        return float(self.values.get("progress") or 0.0)

    @property
    def news(self) -> str:
        """What is happening, in a few words."""
        if self.status is Status.QUEUED and self.values.get("queue_position"):
            return f"number {self.values['queue_position']} in the queue"
        return str(self.values.get("message") or "")


class Client:
    """The leaderboard's interface, version 1. Use as a context manager.

    Every method raises ServerError: the server is not there, does not want the token, or says no.
    """

    def __init__(self, account: Account, *, transport: httpx.BaseTransport | None = None) -> None:
        self._account = account
        headers = {"Authorization": f"Bearer {account.token}"} if account.token else {}
        try:
            self._http = httpx.Client(
                base_url=f"{account.server}/api/v1",
                headers=headers,
                timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
                transport=transport,
            )
        except (httpx.InvalidURL, ValueError, UnicodeError) as error:
            raise ServerError(f"{account.server!r} is no server address: {error}.") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def whoami(self) -> dict[str, Any]:
        """Whose token this is."""
        return self._ask("GET", "/whoami")

    def limits(self) -> dict[str, Any]:
        """What a bundle may hold."""
        return self._ask("GET", "/limits")

    def board(self, season: str | None = None, page: int = 1, **more: str) -> dict[str, Any]:
        """A page of the standing of a season; of the open one without a name."""
        named = {"season": season} if season else {}
        return self._ask("GET", "/board", params={"page": page} | named | more)

    def submit(self, bundle: Path, track: str = "both") -> Standing:
        """Hand in a bundle's zip file, for a track or for "both"."""
        with bundle.open("rb") as stream:
            files = {"bundle": (bundle.name, stream)}
            return self._standing("POST", "/submissions", files=files, data={"track": track})

    def standing(self, submission_id: int) -> Standing:
        """How a submission stands."""
        return self._standing("GET", f"/submissions/{submission_id}")

    def cancel(self, submission_id: int, track: str | None = None) -> Standing:
        """Take one's own submission back, or from one track alone."""
        params = {"track": track} if track else {}
        return self._standing("POST", f"/submissions/{submission_id}/cancel", params=params)

    def _standing(self, method: str, path: str, **rest: Any) -> Standing:
        values = self._ask(method, path, **rest)
        try:
            Status(values["status"])
            int(values["id"])
        except (KeyError, TypeError, ValueError) as error:
            raise self._strange() from error
        return Standing(values)

    def _ask(self, method: str, path: str, **rest: Any) -> dict[str, Any]:
        server = self._account.server
        try:
            answer = self._http.request(method, path, **rest)
        except httpx.UnsupportedProtocol as error:
            raise ServerError(
                f"{server!r} is no server address: it starts with http:// or https://."
            ) from error
        except httpx.TimeoutException as error:
            raise ServerError(f"The leaderboard at {server} did not answer in time.") from error
        except httpx.TransportError as error:
            raise ServerError(
                f"There is no leaderboard at {server} ({error}). Start one with `mbc serve`, "
                "or name another with `mbc login` or $MBC_SERVER."
            ) from error
        if answer.is_success:
            try:
                values = answer.json()
            except ValueError as error:
                raise self._strange() from error
            if not isinstance(values, dict):
                raise self._strange()
            return values
        raise self._refusal(answer)

    def _refusal(self, answer: httpx.Response) -> ServerError:
        try:
            problem = answer.json()
            code, sentence = str(problem["code"]), str(problem["detail"])
            help_ = str(problem.get("help", ""))
        except (ValueError, KeyError, TypeError, AttributeError):
            code, help_ = "", ""
            sentence = f"{self._account.server} answered {answer.status_code} {answer.reason_phrase}."
        if answer.status_code == 401:
            help_ = "`mbc login` remembers another token." if self._account.token else "`mbc login` first."
        return ServerError(f"{sentence} {help_}".strip(), answer.status_code, code)

    def _strange(self) -> ServerError:
        return ServerError(f"What answers at {self._account.server} is not a leaderboard of this challenge.")
