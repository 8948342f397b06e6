"""What stands before every view: who is asking, how often, and whether a form is ours."""

import ipaddress
from typing import Any, Final

from flask import Flask, Response, request
from flask_limiter import Limiter
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from leaderboard.config import Config
from leaderboard.web.auth import check_visibility

# These only look; everything else is a write.
_LOOKS: Final = ("GET", "HEAD", "OPTIONS")
# Programs with a token in a header: no other site can make a browser send it. Tiles are anybody's.
_TOKEN_ONLY: Final = ("api", "worker_api", "tile_worker", "tiles", "worker_machine_api")
# Workers, and wishes for tiles, which are counted by the tile; None is no view at all.
_UNCOUNTED: Final = ("worker_api", "tile_worker", "tiles", "worker_machine_api", None)
_SIGNING_IN: Final = ("people.sign_in", "people.sign_up", "people.change_password", "people.delete_account")
_THIRTY_DAYS: Final = 30 * 24 * 3600


def install(app: Flask, config: Config) -> None:
    """Set up proxies, cookies, forms and rates of an application whose blueprints are registered."""
    proxies = config.trusted_proxies
    if proxies:
        # Without a proxy of ours, anybody could write these headers.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies)  # type: ignore[method-assign]
    app.config.update(
        SESSION_COOKIE_NAME="__Host-mbc" if config.https else "mbc",
        SESSION_COOKIE_SECURE=config.https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=_THIRTY_DAYS,
        # A form is good for as long as the session that it was made in.
        WTF_CSRF_TIME_LIMIT=None,
    )
    # Before the forms: one that is forged is a try as well.
    _limit(app, config)
    forms = CSRFProtect(app)
    for name in _TOKEN_ONLY:
        forms.exempt(app.blueprints[name])
    app.before_request(check_visibility)


def _limit(app: Flask, config: Config) -> None:
    limiter = Limiter(
        client_address,
        app=app,
        application_limits=[config.write_rate],
        application_limits_exempt_when=lambda: request.method in _LOOKS or request.blueprint in _UNCOUNTED,
        storage_uri=config.rate_storage,
        # A minute is any sixty seconds, not one of the clock's.
        strategy="moving-window",
        # A counter that is away must not take the board with it.
        swallow_errors=True,
    )
    views: dict[str, Any] = app.view_functions
    for endpoint in _SIGNING_IN:
        views[endpoint] = limiter.limit(config.sign_in_rate, methods=["POST"])(views[endpoint])
    # Many addresses may guess at one name: its failures are counted wherever they come from.
    views["people.sign_in"] = limiter.limit(
        "100 per hour",
        key_func=lambda: "name " + request.form.get("name", "").strip().lower()[:80],
        methods=["POST"],
        deduct_when=_was_refused,
    )(views["people.sign_in"])


def _was_refused(response: Response) -> bool:
    return response.status_code == 401


def client_address() -> str:
    """The address that asks; of the sixth version its network, for one machine has as many as it likes."""
    try:
        address = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return request.remote_addr or "nobody"
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
