"""kill -9 of sandboxes, their reapers, workers and servers at random moments: `python -m benchmarks.faults`.

Real evaluations of a tiny season by real workers, for a real server; see tests/faults. Prints counts by what
was killed and what came of it, how entries ended, and what was left behind.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.deployment import Deployment
from tests.support.fault_injection import loop, table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=2026)
    chosen = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mbc-faults-") as folder:
        Path(folder).chmod(0o755)
        board = Deployment(Path(folder), workers=chosen.workers)
        try:
            count = loop(
                board,
                chosen.faults,
                chosen.seed,
                lambda line: print(f"{time.monotonic() - began:8.0f} s  {line}", file=sys.stderr, flush=True),
            )
        finally:
            board.close()
        print("\n".join(table(count)))


if __name__ == "__main__":
    main()
