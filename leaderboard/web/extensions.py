"""Flask extensions that views decorate themselves with: rate limits and protection of forms."""

import ipaddress
from typing import Final

from flask import current_app, request
from flask_limiter import ExemptionScope, Limiter
from flask_wtf import CSRFProtect

# These only read; everything else is a write.
_READING: Final = ("GET", "HEAD", "OPTIONS")
# Setting of `Flask.config`: how often one address may write.
WRITE_RATE: Final = "MBC_WRITE_RATE"
# `limiter.exempt(blueprint, flags=...)`: its requests do not count as writes.
UNCOUNTED: Final = ExemptionScope.APPLICATION


def client_address() -> str:
    """The address that asks; of IPv6 its /64 network, for one machine has as many addresses as it likes."""
    try:
        address = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return request.remote_addr or "nobody"
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


limiter: Final = Limiter(
    client_address,
    application_limits=[lambda: current_app.config[WRITE_RATE]],
    application_limits_exempt_when=lambda: request.method in _READING or request.endpoint is None,
    # A minute is any sixty seconds, not one of the clock's.
    strategy="moving-window",
    # A counter that is away must not take the board with it.
    swallow_errors=True,
)
csrf: Final = CSRFProtect()
