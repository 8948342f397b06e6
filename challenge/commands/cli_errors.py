"""Turn errors into one sentence on stderr and an exit code."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import click

from challenge.results import refusals
from challenge.results.verdicts import EvaluationError
from challenge.util import exit_codes


def fail(sentence: str, code: int) -> NoReturn:
    """Print a sentence on stderr and exit with a code."""
    click.echo(f"error: {sentence}", err=True)
    sys.exit(code)


@contextmanager
def explain_errors(*, as_json: bool = False) -> Iterator[None]:
    """Turn an error in a submission, its train.toml or the file system into a sentence and an exit code.

    Args:
        as_json: whether a refusal is also printed as JSON on stdout: rule, where, found, right, remedy.
    """
    try:
        yield
    except EvaluationError as error:
        if as_json:
            click.echo(json.dumps(refusals.as_json(error)))
        click.echo(refusals.with_frames(error), err=True)
        sys.exit(exit_codes.BUNDLE_INVALID)
    except exit_codes.TrainConfigError as error:
        fail(str(error), exit_codes.BUNDLE_INVALID)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        fail(f"{where}{os.strerror(error.errno) if error.errno else error}.", exit_codes.FAILED)
