"""The evaluator's commands of `mbc`, by the names that `pyproject.toml` gives."""

from evaluator.cli.authors import check, score
from evaluator.cli.operators import doctor, reproduce, worker

__all__ = ["check", "doctor", "reproduce", "score", "worker"]
