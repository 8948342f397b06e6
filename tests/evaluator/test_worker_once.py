"""A worker for one evaluation: it waits without a queue, judges one, and ends."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from click.testing import CliRunner

from challenge.results.verdicts import EvaluationError, Reason
from evaluator import cli
from evaluator.api_client import MachineStopped
from evaluator.sandbox import Unconfined
from evaluator.sandbox.limits import Limits
from evaluator.worker import Worker, machine_name

DEPLOY = Path(__file__).parents[2] / "deploy"


def test_it_judges_one_evaluation_and_ends():
    canary, first, second = (SimpleNamespace(canary=number) for number in (7, None, None))
    gone = EvaluationError(Reason.LEADERBOARD_UNREACHABLE)
    answers = iter([None, gone, MachineStopped("Stopped."), canary, first, second])
    told, pauses = [], []

    def claim_next(machine, name):
        assert (machine, name) == ("cpu", machine_name())
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    class Noting(Worker):
        def evaluate(self, claim):
            told.append(claim)

    client = SimpleNamespace(introduce=lambda machine: told.append(machine.sandbox), claim_next=claim_next)
    Noting(client, Unconfined(), Limits(), "cpu").work_once(lambda: pauses.append(1))
    assert told == ["none", canary, first]
    assert len(pauses) == 3


@pytest.mark.parametrize("arguments", [[], ["--once", "--tiles"]])
def test_a_worker_needs_a_queue_or_one_evaluation(arguments, monkeypatch):
    monkeypatch.setenv("MBC_WORKER_TOKEN", "mbc_x")
    ran = CliRunner().invoke(cli.worker, ["--server", "http://127.0.0.1:9", *arguments])
    assert ran.exit_code == 2
    assert "--broker" in ran.output or "--tiles" in ran.output


def test_the_disk_of_a_virtual_machine_judges_once_and_powers_off():
    values = yaml.safe_load((DEPLOY / "worker-once.cloud-init.yaml").read_text(encoding="utf-8"))
    unit = next(one["content"] for one in values["write_files"] if one["path"].endswith("worker.service"))
    assert "mbc worker --once --server ${MBC_SERVER}\n" in unit
    assert "poweroff" in unit
    assert not any("BROKER" in one["content"] for one in values["write_files"])
    vm = (DEPLOY / "systemd" / "mbc-worker-vm@.service").read_text(encoding="utf-8")
    for part in ("-snapshot", "-nodefaults", "Restart=always", "IPAddressDeny=localhost"):
        assert part in vm
