"""What this server counts of what it did; `serve/metrics.py` exposes it."""

from typing import Final

from prometheus_client import Counter, Histogram

ENDED: Final = Counter(
    "mbc_evaluations_ended", "Evaluations that ended.", ["track", "verdict", "fault", "reason"]
)
PARTS: Final = Histogram(
    "mbc_evaluation_part_seconds",
    "Seconds of a part of an evaluation, on its worker's clock.",
    ["track", "part"],
    buckets=(0.1, 0.5, 1, 2, 5, 10, 20, 40, 80, 160, 320, 640, 1280),
)
CANARIES: Final = Counter(
    "mbc_canaries", "References with known figures that machines judged again.", ["outcome"]
)
LEASES_LOST: Final = Counter("mbc_leases_lost", "Leases that ran out, or whose worker ended.")
TILES: Final = Counter("mbc_tiles_drawn", "Tiles of the explorer that were drawn.", ["kind"])
REQUESTS: Final = Histogram(
    "mbc_http_request_seconds",
    "Seconds until an answer was made.",
    ["route", "method", "status"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)
