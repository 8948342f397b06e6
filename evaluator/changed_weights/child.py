"""The process that changes weights: `python -I -S -B child.py OPTIONS`, started by `process.py` alone.

OPTIONS are JSON: `path` of packages, `size` of the weights, `memory` that the process may address. It reads
the weights from its standard input, then one line of JSON for each change, and writes what was changed to its
standard output. It ends when its input does, so with the judge at the latest.
"""

import contextlib
import json
import os
import sys
from typing import Any


def main(options: dict[str, Any]) -> None:
    """Set the limit, then answer until the input ends."""
    # One thread's worth of buffers.
    os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    sys.path[:0] = options["path"]
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 - Windows has none

        # macOS refuses it.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (options["memory"], options["memory"]))

    import numpy as np  # noqa: PLC0415 - found by the path above, within the limit

    from evaluator.changed_weights.shuffling import write_changed  # noqa: PLC0415 - likewise

    weights = sys.stdin.buffer.read(options["size"])
    for line in sys.stdin.buffer:
        change = json.loads(line)
        philox = np.random.Philox()
        philox.state = change["state"]
        write_changed(weights, np.random.Generator(philox), change["share"], sys.stdout.buffer.write)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
