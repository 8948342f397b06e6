"""Every probe's figure for the zoo and the museum of cheats, and how far the nearest are from each threshold.

    python benchmarks/integrity.py                     # each once, in the sandbox, as the judge asks
    python benchmarks/integrity.py --seeds 200 --probe scramble   # honest models, in this process: faster

The other half of the rule: benchmarks/certificates.py.
`--seeds` draws the probes anew on the same views, so that a model answers its million points only once.
Every row is also written to the file given by --out, as JSON lines.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from trusted import InProcess, season

from challenge.bundle import read_bundle
from challenge.evaluation import EvaluationSize
from challenge.frame import to_unit
from challenge.metrics import measure
from challenge.practice import practice_set
from challenge.season import PRACTICE
from challenge.verdicts import EvaluationError, Status
from evaluator import judge, probes
from evaluator.probes import capacity, consistency, dose, plasticity, same_machine, scramble, twin
from evaluator.sandbox import find_sandbox

HERE = Path(__file__).parents[1]
TESTS = HERE / "tests"
PROBES = {one.NAME: one for one in (same_machine, consistency, scramble, twin, plasticity, capacity, dose)}
# Which way is honest: the figure of an honest model is below the threshold, or above it.
BELOW = {"same machine": True, "consistency": True, "scramble": True, "twin": True, "plasticity": False,
         "capacity": True, "dose": False}  # fmt: skip
THRESHOLDS = {"scramble": scramble.REJECTED, "twin": twin.MARGIN, "plasticity": plasticity.SHARE,
              "consistency": consistency.THRESHOLD, "dose": dose.LEAST_KEPT}  # fmt: skip


class Quiet:
    def status(self, status: Status, progress: float, message: str) -> None: ...

    def picture(self, name: str, png: bytes) -> None: ...

    def evidence(self, evidence: object) -> None: ...


def case_in_process(folder: Path, size: EvaluationSize) -> probes.Case:
    bundle, views = read_bundle(folder), practice_set(size)
    session = InProcess(bundle, folder)
    loaded = session.load()
    prediction = session.predict(to_unit(views.points.reshape(-1, 2)))[:, 0].reshape(views.truth.shape)
    return probes.Case(
        bundle, PRACTICE, lambda one: InProcess(one, folder), views, prediction, 0.0,
        measure(views.truth, prediction).skill_by_chain, loaded, at_once=1,
    )  # fmt: skip


def case_in_sandbox(folder: Path, size: EvaluationSize) -> probes.Case:
    task = judge.Assignment(
        read_bundle(folder), PRACTICE, find_sandbox(allow_unconfined=False), size, device="cpu"
    )
    views = practice_set(size)
    answers = judge._predict(task, views, Quiet())  # noqa: SLF001
    skill = measure(views.truth, answers.prediction).skill_by_chain
    return replace(judge._case(task, views, answers, skill), effort=probes.FULL_EFFORT)  # noqa: SLF001


def rows(options: argparse.Namespace) -> Iterator[tuple]:
    """(kind, name, seed, probe, figure, passed, flagged) of everything asked."""
    zoo = sorted(path.parent for path in (TESTS / "zoo").glob("*/weights.safetensors"))
    zoo += sorted(path.parent for path in (HERE / "submissions").glob("*/weights.safetensors"))
    cheats = sorted(path.parent for path in (TESTS / "museum" / "cheats").glob("*/expected.toml"))
    size = EvaluationSize(chains=options.chains)
    many = options.seeds > 1
    for kind, folders in (("honest", zoo), ("cheat", [] if many else cheats)):
        for folder in folders:
            if options.only and folder.name not in options.only:
                continue
            began = time.perf_counter()
            try:
                case = (case_in_process if many or options.here else case_in_sandbox)(folder, size)
                case = replace(case, effort=replace(case.effort, views=options.views))
                for seed in range(options.first, options.first + options.seeds):
                    for name in options.probe or PROBES:
                        result = PROBES[name].run(replace(case, season=season(seed))).result
                        yield kind, folder.name, seed, name, result.figure, result.passed, result.flagged
            except (EvaluationError, ImportError) as error:
                print(f"{folder.name}: {error}", file=sys.stderr)
            print(f"{folder.name}: {time.perf_counter() - began:.1f} s", file=sys.stderr, flush=True)


def margins(found: list[tuple]) -> None:
    """The nearest honest model and the nearest cheat of every probe."""
    for name in PROBES:
        figures = [row for row in found if row[3] == name]
        if not figures:
            continue
        sign = 1 if BELOW[name] else -1
        line = f"{name:>13}: threshold {THRESHOLDS.get(name, 0.0):g}"
        if honest := [row for row in figures if row[0] == "honest"]:
            worst = max(honest, key=lambda row: sign * row[4])
            refused = sorted({row[1] for row in honest if not row[5]})
            flagged = sorted({row[1] for row in honest if row[6]})
            line += f"; nearest honest {worst[1]} {worst[4]:.3g} (seed {worst[2]}), {len(honest)} asked"
            line += f", {sum(not row[5] for row in honest)} rejected {refused or ''}"
            line += f", {sum(row[6] for row in honest)} flagged {flagged or ''}"
        if caught := [row for row in figures if row[0] == "cheat" and (not row[5] or row[6])]:
            nearest = min(caught, key=lambda row: sign * row[4])
            line += f"; of {len(caught)} caught by it the nearest is {nearest[1]} {nearest[4]:.3g}"
        print(line)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="first seed; 0 is the practice season")
    parser.add_argument("--chains", type=int, default=64)
    parser.add_argument(
        "--views", type=int, default=probes.FULL_EFFORT.views, help="asked of shuffled models"
    )
    parser.add_argument("--only", action="append", help="name of a model; may be repeated")
    parser.add_argument("--probe", action="append", choices=PROBES)
    parser.add_argument(
        "--here", action="store_true", help="in this process even once: only for code you trust"
    )
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = []
    for row in rows(options):
        found.append(row)
        if options.out:
            with options.out.open("a") as file:
                file.write(json.dumps(row) + "\n")
        if options.seeds == 1:
            kind, name, _, probe, figure, passed, flagged = row
            mark = "" if passed and not flagged else " FLAGGED" if passed else " REJECTED"
            shown = f"{figure:.4g}" if math.isfinite(figure) else str(figure)
            print(f"{kind:>7} {name:>24} {probe:>13} {shown}{mark}", flush=True)
    margins(found)


if __name__ == "__main__":
    main()
