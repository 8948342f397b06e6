"""`mbc worker` with one control, two probes and one place to draw: an evaluation takes seconds."""

from challenge.commands.cli import main
from challenge.scoring.places import PLACES
from evaluator import worker
from evaluator.plan import EvaluationPlan


def small(size):
    probes = ("same machine", "consistency")
    return EvaluationPlan(size, families=("curve",), probes=probes, places=PLACES[:1])


worker.OPEN_PLAN = worker.SAMPLES_PLAN = small

if __name__ == "__main__":
    main()
