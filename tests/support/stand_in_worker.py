"""`mbc worker` whose judging is a pause and a report that was made before: for loads, not for figures.

    python -m tests.support.stand_in_worker SERVER BROKER SECONDS      (MBC_WORKER_TOKEN in the environment)

It prints a line "TIME began|ended EVALUATION" for each evaluation, in seconds of the system's clock.
"""

import os
import random
import sys
import time
from dataclasses import dataclass
from types import SimpleNamespace

from challenge.results.stages import Stage
from challenge.results.worker_info import WorkerInfo
from challenge.util.queue import QUEUES
from evaluator.api_client import Claim, EvaluationClient, Reporter
from evaluator.celery_app import celery_app, consume
from evaluator.worker import Worker
from tests.leaderboard.test_views import png
from tests.support import seed_data


def say(what, evaluation_id):
    # Celery turns what goes to sys.stdout into log lines.
    print(f"{time.time():.3f} {what} {evaluation_id}", flush=True, file=sys.__stdout__)


@dataclass(frozen=True)
class StandIn(Worker):
    """Takes its time, and says what it is given to say."""

    seconds: float = 1.0

    @property
    def machine(self):
        return WorkerInfo(f"stand-in-{os.getpid()}", "none", {}, ())

    def _judge(self, claim: Claim) -> None:
        say("began", claim.evaluation_id)
        with Reporter(self.client, claim) as reporter:
            self.client.bundle(claim)
            time.sleep(self.seconds)
            reporter.picture("seahorse-valley/02/model.png", png((claim.evaluation_id % 256, 3, 9)))
            octaves = random.Random(claim.evaluation_id).uniform(1.0, claim.size.octaves - 1.0)
            skills = seed_data.skills(
                octaves, seed=claim.evaluation_id, chains=claim.size.chains, octave_count=claim.size.octaves
            )
            report = seed_data.report(claim.season, skills)
        if Stage.OCTAVES not in claim.findings:
            self.client._ask_under(claim, "POST", "report", json=report)
        say("ended", claim.evaluation_id)


def main():
    server, broker, seconds = sys.argv[1:]
    client = EvaluationClient(server, os.environ["MBC_WORKER_TOKEN"])
    worker = StandIn(client, SimpleNamespace(name="none"), None, "cpu", seconds=float(seconds))
    client.introduce(worker.machine)
    consume(celery_app(broker, worker), QUEUES["cpu"])


if __name__ == "__main__":
    main()
