"""Headers that every answer carries: what a browser may do with it."""

import time

from flask import Flask, Response, g, request

from leaderboard.config import Config


def register(app: Flask, config: Config) -> None:
    """Let every answer of the application carry them; one that has its own keeps it."""
    # Chromium asks the policy again where a form's answer sends it elsewhere: signing in at GitHub is that.
    elsewhere = f" {config.github_url}" if config.github_id else ""
    always = {
        "Content-Security-Policy": (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
            f"connect-src 'self'; form-action 'self'{elsewhere}; base-uri 'none'; frame-ancestors 'none'"
        ),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    }
    if config.https:
        always["Strict-Transport-Security"] = "max-age=31536000"

    def begin() -> None:
        g.began = time.perf_counter(), time.thread_time()

    def add(response: Response) -> Response:
        if "began" in g:
            # Every browser shows it, and benchmarks read it.
            whole, own = time.perf_counter() - g.began[0], time.thread_time() - g.began[1]
            response.headers["Server-Timing"] = f"app;dur={1e3 * whole:.2f}, cpu;dur={1e3 * own:.2f}"
        for name, value in always.items():
            response.headers.setdefault(name, value)
        if response.mimetype == "text/html" or request.path.startswith("/api/"):
            # They differ by visitor, and by what was judged a moment ago.
            response.headers.setdefault("Cache-Control", "private, no-cache")
        return response

    app.before_request(begin)
    app.after_request(add)
