"""How a command of the evaluator ends: what went wrong, and the exit code for it."""

import json
import sys
from pathlib import Path

import click

from challenge.bundle.advice import with_advice
from challenge.bundle.reader import Bundle, read_bundle
from challenge.results import refusals
from challenge.results.verdicts import EvaluationError, Reason
from challenge.util import exit_codes

BUNDLE_REASONS = frozenset(
    {
        Reason.ARCHIVE_UNREADABLE,
        Reason.ARCHIVE_MEMBER_REFUSED,
        Reason.ARCHIVE_TOO_LARGE,
        Reason.FILE_MISSING,
        Reason.MANIFEST_INVALID,
        Reason.WEIGHTS_INVALID,
        Reason.WEIGHTS_DO_NOT_FIT,
        Reason.MODEL_CODE_FAILED,
        Reason.BUILD_MISSING,
        Reason.BUILD_INVALID,
        Reason.OUTPUT_SHAPE,
        Reason.OUTPUT_DTYPE,
        Reason.INCONSISTENT,
    }
)


def end_with_error(error: EvaluationError, *, as_json: bool) -> None:
    """Print what went wrong, and exit with the code for it."""
    code = exit_codes.BUNDLE_INVALID if error.reason in BUNDLE_REASONS else exit_codes.FAILED
    # The model is the reader's own: its own words help most.
    error = with_advice(error)
    if as_json:
        click.echo(json.dumps(refusals.as_json(error)))
    click.echo(refusals.with_frames(error), err=True)
    sys.exit(code)


def end_with(ending: int | EvaluationError, *, as_json: bool) -> None:
    """Exit with a code, or as `end_with_error`."""
    if isinstance(ending, EvaluationError):
        end_with_error(ending, as_json=as_json)
    else:
        sys.exit(ending)


def read_or_end(path: Path, *, as_json: bool) -> Bundle:
    """The bundle at a path; ends the command where there is none."""
    try:
        return read_bundle(path)
    except EvaluationError as error:
        end_with_error(error, as_json=as_json)
        raise  # not reached
