"""What the leaderboard refuses to do, in one shape for pages and interfaces."""


class Refused(Exception):  # noqa: N818 - it is no error of the program
    """A request cannot be met.

    Attributes:
        status: the HTTP status.
        code: a word for programs.
        message: a sentence for people.
        help: what to do about it, or ''.
        retry_after: seconds after which it may be met, or None.
    """

    def __init__(
        self, status: int, code: str, message: str, help_: str = "", *, retry_after: int | None = None
    ) -> None:
        self.status = status
        self.code = code
        self.message = message
        self.help = help_
        self.retry_after = retry_after
        super().__init__(message)


def not_found(what: str) -> Refused:
    """404."""
    return Refused(404, "not_found", f"There is no such {what}.")


def conflict(code: str, message: str) -> Refused:
    """409."""
    return Refused(409, code, message)
