"""A traceback cut to the frames of somebody's own code.

Imports the standard library alone: the sandbox's runner loads this file.
"""

import traceback
from collections.abc import Sequence


def own_traceback(error: BaseException, folders: Sequence[str]) -> str:
    """The traceback of an error and of its causes, with the frames of files in some folders alone.

    Args:
        error: what was raised.
        folders: paths; frames are named by what follows them.
    """
    prefixes = tuple(f"{folder.rstrip('/')}/" for folder in folders)
    formatted = traceback.TracebackException.from_exception(error)
    waiting: list[traceback.TracebackException | None] = [formatted]
    while waiting:
        one = waiting.pop()
        if one is not None:
            one.stack = traceback.StackSummary.from_list(
                [
                    (_without(frame.filename, prefixes), frame.lineno or 0, frame.name, frame.line)
                    for frame in one.stack
                    if frame.filename.startswith(prefixes)
                ]
            )
            waiting += [one.__cause__, one.__context__]
    return "".join(formatted.format())


def _without(name: str, prefixes: Sequence[str]) -> str:
    return name.removeprefix(next(prefix for prefix in prefixes if name.startswith(prefix)))
