"""Run jobs that each open a sandbox of one thread, a few at a time."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Final, TypeVar

from evaluator.sandbox.cancellation import cancellable
from evaluator.sandbox.limits import CORES

T = TypeVar("T")

# A sandbox that is no fork takes a third of a gigabyte, and a small machine has little memory.
AT_ONCE: Final = min(CORES, 4)


def run_parallel(jobs: Sequence[Callable[[], T]], at_once: int = AT_ONCE) -> Iterator[T]:
    """Run jobs in threads, `at_once` at a time; yields their results in order, each as soon as it is there.

    A sandbox ends with the thread that started it, so a job has to close its own.

    Raises:
        Exception: of the first job that failed; jobs that have not begun by then are dropped, and the
            sandboxes of those that have are ended, also where the caller is stopped meanwhile.
    """
    given_up = Event()
    with ThreadPoolExecutor(max(1, min(len(jobs), at_once))) as pool:
        running = [pool.submit(cancellable(given_up).run, job) for job in jobs]
        try:
            for job in running:
                yield job.result()
        except BaseException:
            given_up.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
