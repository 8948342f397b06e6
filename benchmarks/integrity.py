"""Every probe's figure for the zoo and the museum of cheats, and how far the nearest are from each threshold.

    python benchmarks/integrity.py                     # each once, in the sandbox, as the judge asks
    python benchmarks/integrity.py --seeds 200 --probe scramble   # honest models, in this process: faster

The other half of the rule: benchmarks/certificates.py.
`--seeds` draws the probes anew on the same views, so that a model answers its million points only once.
Every row is also written to the file given by --out, as JSON lines, and a run that was stopped goes on there.
"""

import argparse
import json
import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from trusted import InProcess, season

from challenge.bundle.reader import read_bundle
from challenge.mandelbrot.coordinates import to_unit
from challenge.results.verdicts import EvaluationError, Status
from challenge.scoring.evaluation_set import EvaluationSize
from challenge.scoring.metrics import measure
from challenge.scoring.practice import practice_set
from challenge.scoring.season import PRACTICE
from evaluator import probes
from evaluator.answers import predict
from evaluator.assignment import Assignment
from evaluator.judge import probe_case
from evaluator.plan import EvaluationPlan
from evaluator.probes import capacity, consistency, dose, plasticity, scramble, twin, weights_match
from evaluator.sandbox import find_sandbox

HERE = Path(__file__).parents[1]
TESTS = HERE / "tests"
PROBES = {one.NAME: one for one in (weights_match, consistency, scramble, twin, plasticity, capacity, dose)}
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
    unit = to_unit(views.points.reshape(-1, 2))
    answers = session.predict(unit)[:, 0]
    prediction = answers.reshape(views.truth.shape)
    return probes.Case(
        bundle, PRACTICE, lambda one: InProcess(one, folder), views, prediction,
        consistency.in_batches(session, PRACTICE, unit, answers),
        measure(views.truth, prediction).skill_by_chain, loaded, at_once=1,
    )  # fmt: skip


def case_in_sandbox(folder: Path, size: EvaluationSize) -> probes.Case:
    plan = replace(EvaluationPlan.open_track(size), effort=probes.FULL_EFFORT)
    task = Assignment(read_bundle(folder), PRACTICE, find_sandbox(allow_unconfined=False), plan, device="cpu")
    views = practice_set(size)
    measured = predict(task, views, Quiet())
    skill = measure(views.truth, measured.prediction).skill_by_chain
    return probe_case(task, views, measured, skill)


def folders(options: argparse.Namespace) -> list[tuple[str, Path]]:
    """("honest" or "cheat", folder) of everything to be asked."""
    zoo = sorted(path.parent for path in (TESTS / "zoo").glob("*/weights.safetensors"))
    zoo += sorted(path.parent for path in (HERE / "submissions").glob("*/weights.safetensors"))
    cheats = sorted(path.parent for path in (TESTS / "museum" / "cheats").glob("*/expected.toml"))
    every = [("honest", folder) for folder in zoo]
    every += [("cheat", folder) for folder in cheats if options.seeds == 1]
    return [(kind, folder) for kind, folder in every if not options.only or called(folder) in options.only]


def called(folder: Path) -> str:
    """Several kinds are in the zoo and among the references."""
    return f"submissions/{folder.name}" if folder.parent.name == "submissions" else folder.name


def case(folder: Path, options: argparse.Namespace) -> probes.Case | None:
    size = EvaluationSize(chains=options.chains)
    try:
        made = (case_in_process if options.seeds > 1 or options.here else case_in_sandbox)(folder, size)
    except (EvaluationError, ImportError) as error:
        print(f"{called(folder)}: {error}", file=sys.stderr, flush=True)
        return None
    return replace(made, effort=replace(made.effort, views=options.views))


def rows(options: argparse.Namespace, done: set[tuple]) -> Iterator[tuple]:
    """(kind, name, seed, probe, figure, passed, flagged) of everything asked and not yet done.

    Seed by seed, so that what a season draws is drawn once for all models, and a run that is stopped has
    asked all of them alike.
    """
    cases = dict[Path, probes.Case | None]()
    for seed in range(options.first, options.first + options.seeds):
        for kind, folder in folders(options):
            asked = [one for one in options.probe or PROBES if (kind, called(folder), seed, one) not in done]
            if asked and folder not in cases:
                cases[folder] = case(folder, options)
            if not asked or (here := cases[folder]) is None:
                continue
            for name in asked:
                try:
                    result = PROBES[name].run(replace(here, season=season(seed))).result
                except EvaluationError as error:
                    print(f"{called(folder)}, {name}: {error}", file=sys.stderr, flush=True)
                    continue
                yield kind, called(folder), seed, name, result.figure, result.passed, result.flagged
            if options.seeds == 1:
                cases[folder] = None


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
    parser.add_argument(
        "--only", action="append", help="name of a model, submissions/NAME for a reference; may be repeated"
    )
    parser.add_argument("--probe", action="append", choices=PROBES)
    parser.add_argument(
        "--here", action="store_true", help="in this process even once: only for code you trust"
    )
    parser.add_argument("--out", type=Path, help="JSON lines; what is there already is not asked again")
    parser.add_argument("--show", action="store_true", help="only say what is in the file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = []
    if options.out and options.out.exists():
        found = [tuple(json.loads(line)) for line in options.out.read_text().splitlines()]
    for row in () if options.show else rows(options, {row[:4] for row in found}):
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
