"""One fit of `mbc fit` in a process of its own, so that what a model.py sets globally stays in there."""

import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from challenge.results.verdicts import EvaluationError, Reason
from challenge.training.comparison import FitResult, draw_data_set, fit_model
from challenge.training.local_model import code_folders, load_build
from challenge.training.refit import Budget
from challenge.util.own_traceback import own_traceback


@dataclass(frozen=True)
class _Failed:
    reason: Reason
    detail: str
    private: str


def fit_directory(
    directory: Path,
    data: str,
    budget: Budget,
    *,
    seed: int = 0,
    progress: Callable[[float], None] = lambda _: None,
) -> FitResult:
    """Fit the model of a directory to a data set, in a fresh process.

    Args:
        directory: of a submission.
        data: a key of `comparison.DATA`.
        budget: steps, seconds or both.
        seed: of the data, the initial weights and the batches.
        progress: called with the share of the budget that is used.

    Raises:
        EvaluationError: model.py cannot be imported, or the fit failed.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    work = (directory, data, budget.steps, budget.seconds, seed, torch.get_num_threads(), theirs)
    process = context.Process(target=_run, args=work, daemon=True)
    process.start()
    theirs.close()
    try:
        while True:
            message = ours.recv()
            if isinstance(message, FitResult):
                return message
            if isinstance(message, _Failed):
                raise EvaluationError(message.reason, message.detail, message.private)
            progress(message)
    except EOFError as error:
        process.join()
        detail = f"{directory.name}: its process ended with code {process.exitcode}."
        raise EvaluationError(Reason.EXITED, detail) from error
    finally:
        process.terminate()
        process.join()
        ours.close()


def _run(
    directory: Path,
    data: str,
    steps: int | None,
    seconds: float | None,
    seed: int,
    threads: int,
    connection: Connection,
) -> None:
    torch.set_num_threads(threads)
    try:
        # Before anything of the directory runs.
        control = draw_data_set(data, seed)
        made = fit_model(
            directory.name,
            load_build(directory),
            control,
            Budget(steps, seconds),
            seed=seed,
            progress=connection.send,
        )
        connection.send(made)
    except EvaluationError as error:
        connection.send(_Failed(error.reason, error.detail, error.private))
    except Exception as error:  # noqa: BLE001 - the model's own error, raised in the parent
        detail = f"{directory.name}: ({type(error).__name__}: {error})"
        connection.send(_Failed(Reason.FIT_FAILED, detail, own_traceback(error, code_folders(directory))))
    finally:
        connection.close()
