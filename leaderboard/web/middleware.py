"""What stands before every view: the proxy's headers, cookies, rate limits, forms, and hidden entries."""

from typing import Final

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from leaderboard.config import Config
from leaderboard.web import observation
from leaderboard.web.auth import check_visibility
from leaderboard.web.early_checks import check_head
from leaderboard.web.extensions import WRITE_RATE, csrf, limiter

_THIRTY_DAYS: Final = 30 * 24 * 3600


def install(app: Flask, config: Config) -> None:
    """Set up proxies, cookies, rate limits and forms of an application."""
    proxies = config.trusted_proxies
    if proxies:
        # Without a proxy of ours, anybody could write these headers.
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app,
            x_for=proxies,
            x_proto=proxies,
            x_host=proxies,
            # A proxy that does not set it would pass on what visitors wrote.
            x_prefix=proxies if config.trusted_prefix else 0,
        )
    app.config.update(
        {
            WRITE_RATE: config.write_rate,
            "RATELIMIT_STORAGE_URI": config.rate_storage,
            "SESSION_COOKIE_NAME": "__Host-mbc" if config.https else "mbc",
            "SESSION_COOKIE_SECURE": config.https,
            "SESSION_COOKIE_HTTPONLY": True,
            "SESSION_COOKIE_SAMESITE": "Lax",
            "SESSION_REFRESH_EACH_REQUEST": False,
            "PERMANENT_SESSION_LIFETIME": _THIRTY_DAYS,
            # A form is good for as long as the session that it was made in.
            "WTF_CSRF_TIME_LIMIT": None,
        }
    )
    observation.install(app)
    # Before anything else that may refuse: what comes after it may read the body.
    app.before_request(check_head)
    # Before the forms: one that is forged is a try as well.
    limiter.init_app(app)
    csrf.init_app(app)
    app.before_request(check_visibility)
