"""The certificate of every kind of the zoo, on the practice season and on others, control by control.

    nice python benchmarks/certificates.py --out certificates.jsonl            # goes on where it was stopped
    nice python benchmarks/certificates.py --out certificates.jsonl --show     # the table of what is there

Fits run in processes of their own with one thread each, but without the sandbox, whose start takes longer
than most fits; all else is the judge's. Every control that is done is a line of the file. A line is done
again where the model or the trainer has changed since; after a change to the controls begin another file.
"""

import argparse
import hashlib
import json
import math
import multiprocessing
import time
import tomllib
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
from trusted import InProcess, season

from challenge.bundle.reader import read_bundle
from challenge.controls import FAMILIES
from challenge.training import refit
from evaluator import reference_network
from evaluator.universality import certify_control
from evaluator.verdict import explain_control

ZOO = Path(__file__).parents[1] / "tests" / "zoo"
# What was never certified comes first.
DOUBTFUL = ("hash_grid", "splines", "fourier_axes", "fourier_plane", "radial", "random_fourier", "table",
            "gelu", "relu", "leaky", "skip", "tanh", "random_fourier_bare", "plane_grid",
            "linear")  # fmt: skip
# This may run beside much else, and a fit of a model's own looks at the clock: what it takes of the processor
# is in the file, beside what it would be allowed.
PATIENCE = 20.0


class Task(NamedTuple):
    season: int
    kind: str
    family: str


@cache
def sources(kind: str) -> str:
    digest = hashlib.sha256(Path(refit.__file__).read_bytes())
    for path in sorted((ZOO / kind).glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def prepare() -> None:
    torch.set_num_threads(1)


@cache
def bars(seed: int) -> dict[str, reference_network.Bar]:
    return {bar.control.family: bar for bar in reference_network.bars(season(seed))}


def fit(task: Task) -> dict:
    bundle = read_bundle(ZOO / task.kind)
    bar = bars(task.season)[task.family]
    began = time.process_time()
    result, _ = certify_control(lambda: InProcess(bundle, ZOO / task.kind, PATIENCE), bar)
    return {
        **task._asdict(), "sources": sources(task.kind), "control": result.name, "passed": result.passed,
        "refits": result.refits, "bar": result.bar, "in_features": result.in_features,
        "cpu_seconds": time.process_time() - began, "allowed": bar.budget.seconds,
        "sentence": "" if result.passed else explain_control(result),
    }  # fmt: skip


def kinds() -> list[str]:
    every = sorted(path.parent.name for path in ZOO.glob("*/expected.toml"))
    return [*DOUBTFUL, *(kind for kind in every if kind not in DOUBTFUL)]


def read(path: Path) -> list[dict]:
    """Lines whose models are still the same; a line that was cut off is no line."""
    rows = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        if row["sources"] == sources(row["kind"]):
            rows[row["season"], row["kind"], row["family"]] = row
    return list(rows.values())


def run(options: argparse.Namespace) -> None:
    done = {(row["season"], row["kind"], row["family"]) for row in read(options.out)}
    left = [
        task
        for seed in range(options.seasons)
        for kind in options.only or kinds()
        for family in FAMILIES
        if (task := Task(seed, kind, family)) not in done
    ]
    print(f"{len(done)} fitted before, {len(left)} to go", flush=True)
    if options.out.exists() and not options.out.read_bytes().endswith(b"\n"):
        with options.out.open("a") as file:
            file.write("\n")
    with multiprocessing.get_context("spawn").Pool(options.processes, prepare) as pool:
        for row in pool.imap_unordered(fit, left):
            with options.out.open("a") as file:
                file.write(json.dumps(row) + "\n")


def ratio(row: dict) -> float:
    return max(row["refits"]) / row["bar"]


def show(rows: list[dict], seasons: int) -> None:
    """A line a kind, a column a season: the control that was nearest to its bar, and by how much."""
    cells = defaultdict(list)
    for row in rows:
        cells[row["kind"], row["season"]].append(row)
    wrong, whole = 0, 0
    print("worst control and its best refit over the bar; * not all controls yet; ! not what is expected")
    for kind in kinds():
        expected = tomllib.loads((ZOO / kind / "expected.toml").read_text())
        line = f"{kind:>20}"
        for seed in range(seasons):
            cell = cells[kind, seed]
            worst = min(cell, key=ratio, default=None)
            if worst is None:
                line += f"{'-':>25}"
                continue
            complete = len(cell) == len(FAMILIES)
            failed = {row["family"] for row in cell if not row["passed"]}
            right = not failed if expected["universal"] else set(expected["fails_on"]) <= failed
            odd = (complete or expected["universal"]) and not right
            whole += complete
            wrong += odd
            verdict = "failed" if failed else "passed"
            mark = ("" if complete else "*") + ("!" if odd else "")
            line += f"{verdict + mark:>9} {worst['family']:>9.9} {math.floor(ratio(worst) * 100) / 100:5.2f}"
        print(line)
    again = sum(row["passed"] and len(row["refits"]) > 1 for row in rows)
    print(f"{len(rows)} controls, {whole} whole certificates, {wrong} not what they should be; ")
    print(f"{again} controls were passed by the second or third refit")
    for row in sorted(rows, key=lambda row: (row["season"], row["kind"])):
        expected = tomllib.loads((ZOO / row["kind"] / "expected.toml").read_text())
        if not row["passed"] and expected["universal"]:
            print(f"season {row['season']} {row['kind']}: {row['sentence']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="JSON lines, one a control")
    parser.add_argument("--seasons", type=int, default=5, help="0 is the practice season")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", action="append", help="name of a kind; may be repeated")
    parser.add_argument("--show", action="store_true", help="only print what is in the file")
    options = parser.parse_args()
    if not options.show:
        run(options)
    show(read(options.out), options.seasons)


if __name__ == "__main__":
    main()
