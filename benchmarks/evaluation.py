"""How long an evaluation takes, stage by stage, for code that is new and for code that was seen before.

    python benchmarks/evaluation.py                   # submissions/mlp, one repetition
    python benchmarks/evaluation.py fourier -n 3      # medians of three
    python benchmarks/evaluation.py --serial          # also with refits one after the other
    python benchmarks/evaluation.py --follow URL      # the time line of a board that was just started

What a worker has since its first evaluation of a season (set, bars and warps) is made before the clock runs.
"an hour" is of one worker that has this code alternately new and seen. Memory is of this process alone,
sandboxes excluded.
"""

import argparse
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from challenge.bundle.reader import read_bundle
from challenge.results.stages import Certificate
from challenge.scoring.season import PRACTICE
from evaluator import judge
from evaluator.certificate import make_certificate
from evaluator.judge import Assignment, Evaluation
from evaluator.plan import EvaluationPlan
from evaluator.probes import twin
from evaluator.reference_network import bars
from evaluator.sandbox import find_sandbox
from evaluator.sandbox.limits import Limits
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


def timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def stages(name: str, repetitions: int, *, serial: bool) -> None:
    bundle = read_bundle(REFERENCES / name)
    sandbox, plan = find_sandbox(allow_unconfined=True), EvaluationPlan.open_track()
    judge._evaluation_set(PRACTICE, plan.size)  # noqa: SLF001
    for bar in bars(PRACTICE, plan.families):
        _ = bar.budget
    twin.twins(PRACTICE, plan.effort.warps, twin.CHAINS)
    found: dict[str, list[float]] = {}

    def note(what: str, seconds: float) -> None:
        found.setdefault(what, []).append(seconds)

    for _ in range(repetitions):
        task = Assignment(bundle, PRACTICE, sandbox, plan, Limits(), "cpu", Memory())
        for state in ("new", "seen"):
            evaluation = Evaluation(task, Quiet())
            whole = 0.0
            for stage in ("octaves", "certificate", "integrity", "pictures"):
                seconds = timed(getattr(evaluation, stage))
                whole += seconds
                note(stage if stage != "certificate" else f"certificate, {state}", seconds)
            note(f"whole verdict, {state}", whole)
        if not serial:
            continue
        code, wall = bundle.without_weights(), WallLimit("It", 3600)
        note(
            "certificate, one at a time",
            timed(
                lambda code=code, wall=wall, task=task: make_certificate(  # type: ignore[misc]
                    lambda: task.start(code, wall), PRACTICE, plan, lambda *_: None, at_once=1
                )
            ),
        )
    medians = {what: statistics.median(seconds) for what, seconds in found.items()}
    for what, seconds in medians.items():
        print(f"{what:>28}  {seconds:7.2f} s")
    if serial:
        ratio = medians["certificate, one at a time"] / medians["certificate, new"]
        print(f"certificate, one at a time / in parallel: {ratio:.2f}")
    both = medians["whole verdict, new"] + medians["whole verdict, seen"]
    print(f"evaluations an hour: {2 * 3600 / both:.0f}")
    print(f"whole verdict, new / seen: {medians['whole verdict, new'] / medians['whole verdict, seen']:.2f}")
    print(f"most memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MiB")


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
    parser.add_argument("--follow", metavar="URL")
    options = parser.parse_args()
    if options.follow:
        follow(options.follow)
    else:
        stages(options.name, options.n, serial=options.serial)


if __name__ == "__main__":
    main()
