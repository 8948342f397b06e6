"""What `mbc serve` prints: sentences, its children's output, and below them how far everything is."""

import os
import shutil
import time
from typing import Final, TextIO

# A log gets a line about how far everything is when it changed, at most this often.
_LOG_SECONDS: Final = 10.0
_CLEAR: Final = "\r\x1b[K"


class Screen:
    """A terminal, whose last line is kept up to date; or a log, which gets plain lines.

    In a terminal the children write into a pipe, so that their lines do not run into the last one.

    Args:
        out: where everything goes.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self.live = out.isatty()
        self._line = ""
        self._logged = -_LOG_SECONDS
        self._rest = b""
        self._read: int | None = None
        self.children: int | None = None
        if self.live:
            self._read, self.children = os.pipe()
            os.set_blocking(self._read, False)

    def say(self, sentence: str) -> None:
        """Print a line above the last one."""
        self._out.write(f"{_CLEAR}{sentence}\n{self._line}" if self.live else f"{sentence}\n")
        self._out.flush()

    def show(self, summary: str) -> None:
        """Say how far everything is; '' for nothing to say."""
        if self.live:
            self._line = summary[: shutil.get_terminal_size().columns - 1]
            self._out.write(f"{_CLEAR}{self._line}")
            self._out.flush()
        elif summary not in {"", self._line} and time.monotonic() - self._logged > _LOG_SECONDS:
            self._line, self._logged = summary, time.monotonic()
            self.say(summary)

    def pass_on(self) -> None:
        """Print the lines that the children have written meanwhile."""
        while self._read is not None:
            try:
                part = os.read(self._read, 1 << 16)
            except BlockingIOError:
                return
            *lines, self._rest = (self._rest + part).split(b"\n")
            for line in lines:
                self.say(line.decode("utf-8", "replace"))

    def close(self) -> None:
        """Print what is left, and remove the last line."""
        self.pass_on()
        self._line = ""
        if self.live:
            self._out.write(_CLEAR)
            self._out.flush()
        for descriptor in (self._read, self.children):
            if descriptor is not None:
                os.close(descriptor)
        self._read = self.children = None
