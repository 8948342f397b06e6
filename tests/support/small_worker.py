"""`mbc worker` with one control, two probes and one place to draw: an evaluation takes seconds."""

from challenge.commands.cli import main
from evaluator import judge, probes, universality
from evaluator.probes import consistency, weights_match


def run(case, progress):
    progress(0.0, "probing")
    probed = [weights_match.run(case), consistency.run(case)]
    return probes.summarise([one.result for one in probed]), tuple(one.plot for one in probed)


universality.SMALL = ("curve",)
probes.run = run
judge.PLACES = judge.PLACES[:1]

if __name__ == "__main__":
    main()
