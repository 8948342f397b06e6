"""The workers' clients of the leaderboard's HTTP API: one for evaluations, one for tiles of the explorer."""

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import httpx

from challenge.imaging.tiles import Tile
from challenge.results.report import Report
from challenge.results.result_visuals import ResultVisuals
from challenge.results.samples_report import SamplesReport
from challenge.results.stages import Certificate, Stage
from challenge.results.verdicts import EvaluationError, Reason, Status
from challenge.results.worker_info import WorkerInfo
from challenge.scoring.evaluation_set import EvaluationSize
from challenge.scoring.season import Season
from challenge.scoring.tracks import CPU
from challenge.util import log_lines
from challenge.util.http import HttpClient, RetryPolicy, ServerError

# A server that restarts is away for seconds; if it takes longer, the lease is likely lost.
EVALUATION_RETRY: Final = RetryPolicy(patience_seconds=90.0, pause_seconds=2.0)
# A worker that was asked to stop has not much time.
LEAVING_RETRY: Final = RetryPolicy(patience_seconds=5.0, pause_seconds=0.5)
# A visitor waits for the tile, and the page asks again.
TILE_RETRY: Final = RetryPolicy(patience_seconds=10.0, pause_seconds=0.5)
ANSWER_SECONDS: Final = 30.0
_SPEED: Final = "X-MBC-Speed"
log = logging.getLogger(__name__)


class MachineStopped(Exception):  # noqa: N818 - no error: the leaderboard has said so
    """The leaderboard gives this machine no work until a person releases it; says why."""


class LeaseLost(Exception):  # noqa: N818 - no error: the evaluation was cancelled or another worker has it
    """The leaderboard does not want this evaluation, or these tiles, from this worker any more."""


class _WorkerClient:
    """What both clients share: a worker's token, retries, and what refusals mean.

    Args:
        path: of the interface on the server.
        lost: HTTP statuses that mean the work is no longer wanted.
    """

    def __init__(self, server: str, token: str, path: str, retry: RetryPolicy, lost: frozenset[int]) -> None:
        self._lost = lost
        self._http = HttpClient(
            server, path, token, retry=retry, answer_seconds=ANSWER_SECONDS, environment=False
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _ask(self, method: str, path: str, **rest: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **rest)
        except ServerError as error:
            if error.status in self._lost:
                raise LeaseLost(str(error)) from error
            raise EvaluationError(Reason.LEADERBOARD_UNREACHABLE, f"({error})") from error


@dataclass(frozen=True)
class SamplesBudget:
    """What a submission is given on the samples track.

    Attributes:
        samples: number of samples of each target.
        seconds: for each target, by machine class, on the machine that budgets are quoted for.
    """

    samples: int
    seconds: dict[str, float]


@dataclass(frozen=True)
class Claim:
    """An evaluation that is this worker's as long as it renews the lease.

    Attributes:
        samples_budget: on the samples track; None on the open track.
        findings: what the stages that are done have found, as JSON values.
        front: bytes and octaves of what was learned while somebody watched.
        trace: the id of the upload, in log lines; '' for none.
        digest: of the bundle; '' where the leaderboard does not say.
        canary: the number of a canary, of which the octaves alone are measured; None for an evaluation.
    """

    evaluation_id: int
    track: str
    lease: str
    lease_seconds: float
    season: Season
    size: EvaluationSize
    samples_budget: SamplesBudget | None
    findings: dict[Stage, Any]
    front: tuple[tuple[int, float], ...] = ()
    trace: str = ""
    digest: str = ""
    canary: int | None = None


class EvaluationClient(_WorkerClient):
    """Client of the interface for evaluations: claim, bundle, status, stages, pictures, report, failure.

    Every method repeats its request while the server cannot be reached. Where nothing else is said, it raises

    * LeaseLost: the evaluation was cancelled, or another worker has it;
    * EvaluationError: the leaderboard stayed unreachable or refused the request.

    Args:
        server: address like "http://127.0.0.1:8000".
        token: a worker's token.
        retry: how long a request is repeated.
    """

    def __init__(self, server: str, token: str, retry: RetryPolicy = EVALUATION_RETRY) -> None:
        super().__init__(server, token, "/api/v1/worker", retry, frozenset({404, 409}))
        self._not_told = ""

    def introduce(self, machine: WorkerInfo) -> None:
        """Post what is in force on this machine.

        Tried once and never fails: it is posted again later. Why it did not arrive is logged once.
        """
        why = ""
        try:
            self._http.request(
                "PUT", "/machine", RetryPolicy(), json=machine.to_dict(), timeout=httpx.Timeout(5.0)
            )
        except ServerError as error:
            why = str(error)
        if why not in ("", self._not_told):
            log.warning("the leaderboard could not be told of this machine: %s", why)
        self._not_told = why

    def claim_next(self, machine: str = CPU, name: str = "") -> Claim | None:
        """Take the lease of the evaluation whose turn it is, or a canary; None if none waits.

        Args:
            machine: the class of this machine.
            name: as it was introduced.

        Raises:
            MachineStopped: this machine judged a canary otherwise than known.
        """
        try:
            response = self._ask("POST", "/claim", params={"machine": machine, "name": name})
        except EvaluationError as error:
            if isinstance(error.__cause__, ServerError) and error.__cause__.code == "machine_stopped":
                raise MachineStopped(str(error.__cause__)) from error
            raise
        if response.status_code == 204:
            return None
        answer = response.json()
        season, budget = answer["season"], answer["lesson"]
        return Claim(
            evaluation_id=answer["evaluation_id"],
            track=answer["track"],
            lease=answer["lease"],
            lease_seconds=float(answer["lease_seconds"]),
            season=Season(season["name"], bytes.fromhex(season["secret"])),
            size=EvaluationSize(**season["size"]),
            samples_budget=SamplesBudget(**budget) if budget else None,
            findings={Stage(name): found for name, found in answer["stages"].items()},
            front=tuple((int(size), float(octaves)) for size, octaves in answer["front"]),
            trace=str(answer.get("trace", "")),
            digest=str(answer.get("digest", "")),
            canary=answer.get("canary"),
        )

    def bundle(self, claim: Claim) -> bytes:
        """The bundle's zip file."""
        return self._ask_under(claim, "GET", "bundle").content

    def canary(self, claim: Claim, found: Report | Reason) -> None:
        """Post what was measured of a canary, or why it could not be judged."""
        values = {"reason": found.value} if isinstance(found, Reason) else {"found": found.to_dict()}
        self._ask_under(claim, "POST", "", json=values)

    def status(self, claim: Claim, status: Status, progress: float, message: str) -> None:
        """Post a status; renews the lease."""
        values = {"status": status.value, "progress": progress, "message": message}
        self._ask_under(claim, "POST", "status", json=values)

    def picture(self, claim: Claim, name: str, png: bytes) -> None:
        """Post a picture."""
        self._ask_under(claim, "PUT", f"artifacts/{name}", content=png)

    def evidence(self, claim: Claim, evidence: ResultVisuals) -> None:
        """Post what is shown of controls and probes."""
        self._ask_under(claim, "PUT", "evidence", content=evidence.to_json().encode())

    def finish_stage(
        self, claim: Claim, stage: Stage, found: dict[str, Any], speed: float, digest: str | None = None
    ) -> bool:
        """Post what a stage found; whether this worker goes on with the next one.

        Args:
            claim: the evaluation.
            stage: one that is done.
            found: JSON values.
            speed: of this machine, beside the one that budgets are quoted for.
            digest: of a certificate that was made here.
        """
        values, more = {"found": found, "digest": digest}, {_SPEED: f"{speed:g}"}
        answer = self._ask_under(claim, "POST", f"stages/{stage}", more, json=values)
        return bool(answer.json()["go_on"])

    def certificate(self, digest: str) -> Certificate | None:
        """The certificate with this digest; None if there is none that can be read."""
        try:
            return Certificate.from_dict(self._ask("GET", f"/certificates/{digest}").json())
        except (LeaseLost, ValueError):
            return None

    def report(self, claim: Claim, report: Report | SamplesReport, speed: float) -> None:
        """Post the report, which ends the evaluation, and the speed of this machine."""
        self._ask_under(claim, "POST", "report", {_SPEED: f"{speed:g}"}, json=report.to_dict())

    def give_back(self, claim: Claim) -> None:
        """Give the lease back: another worker goes on with what is not done. Tried for some seconds only."""
        self._ask_under(claim, "POST", "release", retry=LEAVING_RETRY)

    def failure(self, claim: Claim, error: EvaluationError) -> None:
        """Post that the submission could not be judged, without what the submission itself printed."""
        values = {"reason": error.reason.value, "detail": error.detail}
        self._ask_under(claim, "POST", "failure", json=values)

    def _ask_under(
        self, claim: Claim, method: str, what: str, more: Mapping[str, str] | None = None, **rest: Any
    ) -> httpx.Response:
        headers = {"X-MBC-Lease": claim.lease, **(more or {})}
        if claim.trace:
            headers[log_lines.HEADER] = claim.trace
        canary = claim.canary
        path = f"/evaluations/{claim.evaluation_id}" if canary is None else f"/canaries/{canary}"
        return self._ask(method, f"{path}/{what}".rstrip("/"), headers=headers, **rest)


class Reporter:
    """A `Watch` that posts to the leaderboard, and renews the lease while a step takes long."""

    def __init__(self, client: EvaluationClient, claim: Claim) -> None:
        self._client = client
        self._claim = claim
        self._last = (Status.VALIDATING, 0.0, "reading the bundle")
        self._lost = threading.Event()
        self._done = threading.Event()
        self._renewal = threading.Thread(target=self._renew, name="lease", daemon=True)

    def __enter__(self) -> Self:
        self.status(*self._last)
        self._renewal.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._renewal.join()

    def status(self, status: Status, progress: float, message: str) -> None:
        """Post a status; LeaseLost if the leaderboard no longer wants this evaluation."""
        if self._lost.is_set():
            raise LeaseLost
        self._last = (status, progress, message)
        self._client.status(self._claim, status, progress, message)

    def picture(self, name: str, png: bytes) -> None:
        """Post a picture."""
        self._client.picture(self._claim, name, png)

    def evidence(self, evidence: ResultVisuals) -> None:
        """Post the evidence."""
        self._client.evidence(self._claim, evidence)

    def _renew(self) -> None:
        while not self._done.wait(self._claim.lease_seconds / 4):
            try:
                self._client.status(self._claim, *self._last)
            except LeaseLost:
                self._lost.set()
                return
            except EvaluationError:
                # The server is away. If it stays away, the evaluation's own next post fails.
                continue


@dataclass(frozen=True)
class TileClaim:
    """The tiles of a batch that are still missing, and the bundle's digest."""

    digest: str
    tiles: tuple[Tile, ...]


class TileClient(_WorkerClient):
    """Client of the interface for tiles of models: claim, bundle, tile, failure.

    Every method raises LeaseLost if the submission is not to be drawn, and EvaluationError if the leaderboard
    stayed unreachable or refused the request.

    Args:
        server: address like "http://127.0.0.1:8000".
        token: a worker's token.
        retry: how long a request is repeated.
    """

    def __init__(self, server: str, token: str, retry: RetryPolicy = TILE_RETRY) -> None:
        super().__init__(server, token, "/api/v1/worker/tiles", retry, frozenset({404}))

    def claim(self, submission_id: int, tiles: Sequence[Tile]) -> TileClaim:
        """Those of the tiles that are still missing."""
        asked = {"tiles": [[tile.octave, tile.x, tile.y] for tile in tiles]}
        answer = self._ask("POST", f"/{submission_id}/claim", json=asked).json()
        return TileClaim(answer["digest"], tuple(Tile(*one) for one in answer["tiles"]))

    def bundle(self, submission_id: int) -> bytes:
        """The bundle's zip file."""
        return self._ask("GET", f"/{submission_id}/bundle").content

    def tile(self, submission_id: int, tile: Tile, content: bytes) -> None:
        """Post a tile."""
        self._ask("PUT", f"/{submission_id}/{tile.octave}/{tile.x}/{tile.y}", content=content)

    def failure(self, submission_id: int, error: EvaluationError) -> None:
        """Post that the model cannot be drawn, without what the submission itself printed."""
        self._ask("POST", f"/{submission_id}/failure", json={"reason": error.reason.value})
