"""The worker's end of the leaderboard's HTTP API: claim, bundle, status, pictures, report, failure."""

import contextlib
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import httpx

from challenge.results.report import Report
from challenge.results.result_visuals import ResultVisuals
from challenge.results.samples_report import SamplesReport
from challenge.results.verdicts import EvaluationError, Reason, Status
from challenge.results.worker_info import WorkerInfo
from challenge.scoring.evaluation_set import EvaluationSize
from challenge.scoring.season import Season

# A server that restarts is gone for seconds; longer, and the lease is likely lost.
PATIENCE_SECONDS: Final = 90.0
PAUSE_SECONDS: Final = 2.0


class LeaseLost(Exception):  # noqa: N818 - it is news, not an error: somebody else has the evaluation, or nobody
    """The leaderboard does not want this evaluation from this worker any more."""


@dataclass(frozen=True)
class Lesson:
    """What a submission is given on the samples track.

    Attributes:
        samples: of each target.
        seconds: for each target, by class of machine, on the machine that budgets are quoted for.
    """

    samples: int
    seconds: dict[str, float]


@dataclass(frozen=True)
class Claim:
    """An evaluation that is this worker's for as long as it renews the lease."""

    evaluation_id: int
    track: str
    lease: str
    lease_seconds: float
    season: Season
    size: EvaluationSize
    lesson: Lesson | None  # on the samples track


class Leaderboard:
    """Client of the worker API; every call is tried again while the server cannot be reached.

    Args:
        server: address like "http://127.0.0.1:8000".
        token: a worker's token.
    """

    def __init__(self, server: str, token: str, patience: float = PATIENCE_SECONDS) -> None:
        self._patience = patience
        self._http = httpx.Client(
            base_url=f"{server.rstrip('/')}/api/v1/worker",
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(30.0, connect=5.0),
            trust_env=False,
        )

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def introduce(self, machine: WorkerInfo) -> None:
        """Say what is in force here; nobody waits for it, and it is said again."""
        with contextlib.suppress(httpx.HTTPError):
            self._http.put("/machine", json=machine.to_dict(), timeout=5.0)

    def claim_next(self) -> Claim | None:
        """Take the lease of the evaluation whose turn it is; None where none waits."""
        response = self._send("POST", "/claim")
        if response.status_code == 204:
            return None
        answer = response.json()
        season, lesson = answer["season"], answer["lesson"]
        return Claim(
            evaluation_id=answer["evaluation_id"],
            track=answer["track"],
            lease=answer["lease"],
            lease_seconds=float(answer["lease_seconds"]),
            season=Season(season["name"], bytes.fromhex(season["secret"])),
            size=EvaluationSize(**season["size"]),
            lesson=Lesson(**lesson) if lesson else None,
        )

    def bundle(self, claim: Claim) -> bytes:
        """The bundle's bytes."""
        return self._ask("GET", "bundle", claim).content

    def status(self, claim: Claim, status: Status, progress: float, message: str) -> None:
        """Post a status; renews the lease. LeaseLost where it was cancelled or given to somebody else."""
        values = {"status": status.value, "progress": progress, "message": message}
        self._ask("POST", "status", claim, json=values)

    def picture(self, claim: Claim, name: str, png: bytes) -> None:
        """Post a picture."""
        self._ask("PUT", f"artifacts/{name}", claim, content=png)

    def evidence(self, claim: Claim, evidence: ResultVisuals) -> None:
        """Post what people are shown of controls and probes."""
        self._ask("PUT", "evidence", claim, content=evidence.to_json().encode())

    def report(self, claim: Claim, report: Report | SamplesReport) -> None:
        """Post the report: the end of the evaluation."""
        self._ask("POST", "report", claim, json=report.to_dict())

    def failure(self, claim: Claim, error: EvaluationError) -> None:
        """Post that it could not be judged. The submission's own words stay here."""
        values = {"reason": error.reason.value, "detail": error.detail}
        self._ask("POST", "failure", claim, json=values)

    def _ask(self, method: str, what: str, claim: Claim, **rest: Any) -> httpx.Response:
        headers = {"X-MBC-Lease": claim.lease}
        return self._send(method, f"/evaluations/{claim.evaluation_id}/{what}", headers=headers, **rest)

    def _send(self, method: str, path: str, **rest: Any) -> httpx.Response:
        deadline = time.monotonic() + self._patience
        while True:
            try:
                answer = self._http.request(method, path, **rest)
            except httpx.TransportError as error:
                problem = f"{type(error).__name__}: {error}"
            else:
                if answer.status_code in (404, 409):
                    raise LeaseLost(_message(answer))
                if answer.status_code < 400:
                    return answer
                problem = f"{answer.status_code} {_message(answer)}"
                if answer.status_code < 500 and answer.status_code != 429:
                    raise EvaluationError(Reason.LEADERBOARD_UNREACHABLE, f"It answered {problem}")
            if time.monotonic() > deadline:
                raise EvaluationError(Reason.LEADERBOARD_UNREACHABLE, f"({problem})")
            time.sleep(PAUSE_SECONDS)


def _message(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return answer.reason_phrase


class Reporter:
    """A `Watch` that tells the leaderboard, and renews the lease while a step takes long."""

    def __init__(self, leaderboard: Leaderboard, claim: Claim) -> None:
        self._leaderboard = leaderboard
        self._claim = claim
        self._last = (Status.VALIDATING, 0.0, "reading the bundle")
        self._lost = threading.Event()
        self._done = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="lease", daemon=True)

    def __enter__(self) -> Self:
        self.status(*self._last)
        self._heart.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._heart.join()

    def status(self, status: Status, progress: float, message: str) -> None:
        """Tell the leaderboard; LeaseLost where it no longer wants this evaluation."""
        if self._lost.is_set():
            raise LeaseLost
        self._last = (status, progress, message)
        self._leaderboard.status(self._claim, status, progress, message)

    def picture(self, name: str, png: bytes) -> None:
        """Hand a picture over."""
        self._leaderboard.picture(self._claim, name, png)

    def evidence(self, evidence: ResultVisuals) -> None:
        """Hand the evidence over."""
        self._leaderboard.evidence(self._claim, evidence)

    def _beat(self) -> None:
        while not self._done.wait(self._claim.lease_seconds / 4):
            try:
                self._leaderboard.status(self._claim, *self._last)
            except LeaseLost:
                self._lost.set()
                return
            except EvaluationError:
                # The server is away; the evaluation's own next post says so if it stays away.
                continue
