"""How long an evaluation takes, stage by stage, for code that is new and for code that was seen before.

    python benchmarks/evaluation.py                   # submissions/mlp, one repetition
    python benchmarks/evaluation.py fourier -n 3      # medians of three
    python benchmarks/evaluation.py --serial          # also with refits one after the other
    python benchmarks/evaluation.py --memory 50       # what the process holds after each of so many
    python benchmarks/evaluation.py --follow URL      # the time line of a board that was just started

What a worker has since its first evaluation of a season (set, bars and warps) is made before the clock runs.
"an hour" is of one worker that has this code alternately new and seen. Memory is of this process alone,
sandboxes excluded. On a machine that does other work as well, look at the processor seconds, of this process
and all sandboxes: a quiet machine with two cores takes a little more than half of them.
"""

import argparse
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from challenge.bundle.reader import read_bundle
from challenge.results.stages import Certificate
from challenge.scoring.season import PRACTICE
from evaluator import celery_app, judge, worker
from evaluator.assignment import Assignment
from evaluator.certificate import make_certificate
from evaluator.judge import Evaluation
from evaluator.plan import EvaluationPlan
from evaluator.probes import twin
from evaluator.reference_network import bars
from evaluator.sandbox import find_sandbox, forking
from evaluator.sandbox.limits import Limits
from evaluator.sandbox.process import Process
from evaluator.wall_limit import WallLimit

REFERENCES = Path(__file__).parents[1] / "submissions"


class Quiet:
    def status(self, *_: object) -> None: ...

    def picture(self, *_: object) -> None: ...

    def evidence(self, *_: object) -> None: ...


class Memory(dict[str, Certificate]):
    def find(self, digest: str) -> Certificate | None:
        return self.get(digest)

    def keep(self, digest: str, certificate: Certificate) -> None:
        self[digest] = certificate


@dataclass(frozen=True)
class Cost:
    wall: float
    cpu: float

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.wall + other.wall, self.cpu + other.cpu)


class Forks:
    """Processor seconds of forked sandboxes, which are no children of this process."""

    def __init__(self) -> None:
        self.cpu_seconds = 0.0
        end = Process.end

        def counted(process: Process, grace: float = 0.0) -> None:
            first = not process._ended  # noqa: SLF001
            end(process, grace)
            if first and any(forking._servers.values()):  # noqa: SLF001
                self.cpu_seconds += process.used.cpu_seconds

        Process.end = counted  # type: ignore[method-assign]


def cpu_seconds(forks: Forks) -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used) + forks.cpu_seconds


def timed(act: Callable[[], object], forks: Forks) -> Cost:
    began, before = time.perf_counter(), cpu_seconds(forks)
    act()
    return Cost(time.perf_counter() - began, cpu_seconds(forks) - before)


def stages(name: str, repetitions: int, *, serial: bool) -> None:
    bundle = read_bundle(REFERENCES / name)
    sandbox, plan = find_sandbox(allow_unconfined=True), EvaluationPlan.open_track()
    judge._evaluation_set(PRACTICE, plan.size)  # noqa: SLF001
    for bar in bars(PRACTICE, plan.families):
        _ = bar.budget
    twin.twins(PRACTICE, plan.effort.warps, twin.CHAINS)
    found: dict[str, list[Cost]] = {}
    forks = Forks()

    def note(what: str, cost: Cost) -> None:
        found.setdefault(what, []).append(cost)

    for _ in range(repetitions):
        task = Assignment(bundle, PRACTICE, sandbox, plan, Limits(), "cpu", Memory())
        for state in ("new", "seen"):
            evaluation = Evaluation(task, Quiet())
            whole = Cost(0.0, 0.0)
            for stage in ("octaves", "certificate", "integrity", "pictures"):
                cost = timed(getattr(evaluation, stage), forks)
                whole += cost
                note(stage if stage != "certificate" else f"certificate, {state}", cost)
            note(f"whole verdict, {state}", whole)
        if not serial:
            continue
        code, wall = bundle.without_weights(), WallLimit("It", 3600)
        note(
            "certificate, one at a time",
            timed(
                lambda code=code, wall=wall, task=task: make_certificate(  # type: ignore[misc]
                    lambda: task.start(code, wall), PRACTICE, plan, lambda *_: None, at_once=1
                ),
                forks,
            ),
        )
    medians = {what: statistics.median(cost.wall for cost in costs) for what, costs in found.items()}
    for what, seconds in medians.items():
        used = statistics.median(cost.cpu for cost in found[what])
        print(f"{what:>28}  {seconds:7.2f} s  {used:7.2f} s of processors")
    if serial:
        ratio = medians["certificate, one at a time"] / medians["certificate, new"]
        print(f"certificate, one at a time / in parallel: {ratio:.2f}")
    both = medians["whole verdict, new"] + medians["whole verdict, seen"]
    print(f"evaluations an hour: {2 * 3600 / both:.0f}")
    print(f"whole verdict, new / seen: {medians['whole verdict, new'] / medians['whole verdict, seen']:.2f}")
    print(f"most memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MiB")


def memory(name: str, evaluations: int) -> None:
    """Print the resident memory of this process after evaluations, as a worker's between them."""
    celery_app.share_arenas()
    bundle = read_bundle(REFERENCES / name)
    task = Assignment(
        bundle, PRACTICE, find_sandbox(allow_unconfined=True), EvaluationPlan.open_track(), store=Memory()
    )
    held: list[float] = []
    for number in range(1, evaluations + 1):
        evaluation = Evaluation(task, Quiet())
        for stage in ("octaves", "certificate", "integrity", "pictures"):
            getattr(evaluation, stage)()
        del evaluation
        worker.give_memory_back()
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        held.append(pages * resource.getpagesize() / 2**20)
        print(f"after {number:3d}: {held[-1]:.0f} MiB", flush=True)
    if evaluations > 5:
        print(f"after {evaluations} / after 5: {held[-1] / held[4]:.2f}, most: {max(held):.0f} MiB")


def follow(url: str) -> None:
    """Print when a board has its first octaves, all octaves, all verdicts, and when nothing is judged."""
    began, said = time.monotonic(), set[str]()
    while len(said) < 4:
        boards = [
            httpx.get(f"{url}/api/v1/board", params={"track": track, "per_page": 500}).json()
            for track in ("open", "samples")
        ]
        entries, pending = boards[0]["entries"] + boards[0]["unranked"], boards[0]["pending"]
        measured = [one for one in entries if one["octaves"] is not None]
        waiting = {one["submission_id"] for one in pending} - {one["submission_id"] for one in measured}
        now = {
            "first octaves": bool(measured),
            "all octaves": bool(measured) and not waiting,
            "all verdicts": bool(measured) and not pending,
            "quiet": bool(measured) and not pending and not boards[1]["pending"],
        }
        for what, there in now.items():
            if there and what not in said:
                said.add(what)
                print(f"{time.monotonic() - began:7.1f} s  {what}  ({len(measured)} entries)", flush=True)
        time.sleep(0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="?", default="mlp")
    parser.add_argument("-n", type=int, default=1, help="repetitions")
    parser.add_argument("--serial", action="store_true", help="also refit one after the other")
    parser.add_argument("--memory", type=int, metavar="N", help="evaluations, and the memory held after each")
    parser.add_argument("--follow", metavar="URL")
    options = parser.parse_args()
    if options.follow:
        follow(options.follow)
    elif options.memory:
        memory(options.name, options.memory)
    else:
        stages(options.name, options.n, serial=options.serial)


if __name__ == "__main__":
    main()
