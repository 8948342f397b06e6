"""Whether the client of a request still waits for its answer."""

import select
import socket
from collections.abc import Callable, Mapping
from typing import Any


def client_waits(environ: Mapping[str, Any]) -> Callable[[], bool]:
    """What says whether the client's connection is open.

    A browser closes it where a page gives a request up. A proxy does the same to its own connection
    (nginx: `proxy_ignore_client_abort off`, the default).

    Args:
        environ: the WSGI environment of a request whose body has been read.

    Returns:
        A function without arguments; always True where the server does not give its socket away.
    """
    sock = environ.get("gunicorn.socket")
    if sock is None:
        return lambda: True

    def waits() -> bool:
        poll = select.poll()
        poll.register(sock.fileno(), select.POLLIN)
        try:
            # A closed connection can be read, and has nothing to read.
            return not poll.poll(0) or bool(sock.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    return waits
