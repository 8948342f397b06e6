"""The tile worker's end of the leaderboard's HTTP API: claim, bundle, tile, failure."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx

from challenge.imaging.tiles import Tile
from challenge.results.verdicts import EvaluationError, Reason
from evaluator.api_client import LeaseLost

# Somebody waits, and wishes again.
PATIENCE_SECONDS: Final = 10.0
PAUSE_SECONDS: Final = 0.5


@dataclass(frozen=True)
class TileClaim:
    """What is still missing of a batch, and the bundle's digest."""

    digest: str
    tiles: tuple[Tile, ...]


class TileBoard:
    """Client of the tile worker's API; every call is tried again for a while where there is no answer.

    Args:
        server: address like "http://127.0.0.1:8000".
        token: a worker's token.
    """

    def __init__(self, server: str, token: str, patience: float = PATIENCE_SECONDS) -> None:
        self._patience = patience
        self._http = httpx.Client(
            base_url=f"{server.rstrip('/')}/api/v1/worker/tiles",
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(30.0, connect=5.0),
            trust_env=False,
        )

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def claim(self, submission_id: int, tiles: Sequence[Tile]) -> TileClaim:
        """What is still missing; LeaseLost where this submission is not to be drawn."""
        asked = {"tiles": [[tile.octave, tile.x, tile.y] for tile in tiles]}
        answer = self._ask("POST", f"{submission_id}/claim", json=asked).json()
        return TileClaim(answer["digest"], tuple(Tile(*one) for one in answer["tiles"]))

    def bundle(self, submission_id: int) -> bytes:
        """The bundle's bytes."""
        return self._ask("GET", f"{submission_id}/bundle").content

    def tile(self, submission_id: int, tile: Tile, content: bytes) -> None:
        """Hand a tile over."""
        self._ask("PUT", f"{submission_id}/{tile.octave}/{tile.x}/{tile.y}", content=content)

    def failure(self, submission_id: int, error: EvaluationError) -> None:
        """Tell that it cannot be drawn. The submission's own words stay here."""
        self._ask("POST", f"{submission_id}/failure", json={"reason": error.reason.value})

    def _ask(self, method: str, path: str, **rest: Any) -> httpx.Response:
        deadline = time.monotonic() + self._patience
        while True:
            try:
                answer = self._http.request(method, f"/{path}", **rest)
            except httpx.TransportError as error:
                problem = f"{type(error).__name__}: {error}"
            else:
                if answer.status_code == 404:
                    raise LeaseLost("it is not there, or not shown")
                if answer.status_code < 400:
                    return answer
                problem = str(answer.status_code)
                if answer.status_code < 500:
                    raise EvaluationError(Reason.LEADERBOARD_UNREACHABLE, f"It answered {problem}")
            if time.monotonic() > deadline:
                raise EvaluationError(Reason.LEADERBOARD_UNREACHABLE, f"({problem})")
            time.sleep(PAUSE_SECONDS)
