"""weights.safetensors: refuse, by name, what is no file of tensors."""

from challenge.bundle.tensor_file import TensorFileError, UnknownDtypeError, read_header
from challenge.results.refusals import refuse
from challenge.results.verdicts import EvaluationError, Reason


def check_weights(content: bytes) -> None:
    """Check the header of a safetensors file against the format and our limits.

    Raises:
        EvaluationError: WEIGHTS_INVALID, saying what is wrong.
    """
    try:
        read_header(content)
    except UnknownDtypeError as error:
        raise refuse("weights.dtype", str(error), where="weights.safetensors") from error
    except TensorFileError as error:
        raise EvaluationError(Reason.WEIGHTS_INVALID, str(error)) from error


def count_numbers(content: bytes) -> int:
    """How many numbers the tensors of a checked safetensors file hold."""
    return sum(entry.count for entry in read_header(content))
