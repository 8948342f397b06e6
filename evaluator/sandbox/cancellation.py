"""Ends sandboxes whose answers nobody waits for any more, in whatever threads they are used."""

from contextvars import Context, ContextVar, copy_context
from threading import Event
from typing import Final

# Set where the work that this context belongs to has been given up, by any of those who asked for it.
_given_up: Final[ContextVar[tuple[Event, ...]]] = ContextVar("given_up", default=())


class Cancelled(BaseException):
    """Nobody waits for this any more. No `Exception`: nothing on its way may take it for a failure."""


def cancellable(given_up: Event) -> Context:
    """A context for one thread, in which sandboxes end soon after the event is set."""
    context = copy_context()
    context.run(_given_up.set, (*_given_up.get(), given_up))
    return context


def check_wanted() -> None:
    """Return where somebody still waits for what runs in this context.

    Raises:
        Cancelled: nobody does.
    """
    if any(event.is_set() for event in _given_up.get()):
        raise Cancelled
