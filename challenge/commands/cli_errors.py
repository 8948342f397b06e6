"""Turn errors into one sentence on stderr and an exit code."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import click

from challenge.results.refusals import as_text
from challenge.results.verdicts import EvaluationError
from challenge.util import exit_codes


def fail(sentence: str, code: int) -> NoReturn:
    """Print a sentence on stderr and exit with a code."""
    click.echo(f"error: {sentence}", err=True)
    sys.exit(code)


@contextmanager
def explain_errors() -> Iterator[None]:
    """Turn an error in a submission, its train.toml or the file system into a sentence and an exit code."""
    try:
        yield
    except EvaluationError as error:
        click.echo(as_text(error), err=True)
        sys.exit(exit_codes.BUNDLE_INVALID)
    except exit_codes.TrainConfigError as error:
        fail(str(error), exit_codes.BUNDLE_INVALID)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        fail(f"{where}{os.strerror(error.errno) if error.errno else error}.", exit_codes.FAILED)
