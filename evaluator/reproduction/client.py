"""The client of the leaderboard's interface for reproductions, by a worker's token."""

from dataclasses import dataclass
from typing import Any, Final

from challenge.results.repeated_training import RepeatedTraining
from challenge.results.verdicts import EvaluationError, Reason
from challenge.scoring.evaluation_set import EvaluationSize
from challenge.scoring.season import Season
from challenge.util.http import HttpClient, RetryPolicy, ServerError

_RETRY: Final = RetryPolicy(patience_seconds=90.0, pause_seconds=2.0)
_ANSWER_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Entry:
    """A scored entry whose training is to be repeated.

    Attributes:
        name: for people.
        season: that it was judged in; its secret is not public.
        size: of its evaluation set.
    """

    submission_id: int
    name: str
    season: Season
    size: EvaluationSize


class ReproductionClient:
    """Asks for an entry and posts what came of its training.

    Every method raises EvaluationError if the leaderboard refuses or cannot be reached.

    Args:
        server: address like "http://127.0.0.1:8000".
        token: a worker's token.
    """

    def __init__(self, server: str, token: str, retry: RetryPolicy = _RETRY) -> None:
        self._http = HttpClient(
            server,
            "/api/v1/worker/reproductions",
            token,
            retry=retry,
            answer_seconds=_ANSWER_SECONDS,
            environment=False,
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def entry(self, submission_id: int) -> Entry:
        """What the entry is judged on."""
        answer = self._ask("GET", f"/{submission_id}").json()
        season = answer["season"]
        return Entry(
            submission_id,
            answer["name"],
            Season(season["name"], bytes.fromhex(season["secret"])),
            EvaluationSize(**season["size"]),
        )

    def bundle(self, submission_id: int) -> bytes:
        """The bundle's zip file."""
        content: bytes = self._ask("GET", f"/{submission_id}/bundle").content
        return content

    def post(self, submission_id: int, found: RepeatedTraining) -> dict[str, Any]:
        """Post it; the leaderboard's comparison with the entry's octaves."""
        answer: dict[str, Any] = self._ask("PUT", f"/{submission_id}", json=found.to_dict()).json()
        return answer

    def _ask(self, method: str, path: str, **rest: Any) -> Any:
        try:
            return self._http.request(method, path, **rest)
        except ServerError as error:
            raise EvaluationError(Reason.LEADERBOARD_UNREACHABLE, f"({error})") from error
