"""The interface described by OpenAPI 3.1: values from the models that views answer with, paths by hand."""

from functools import lru_cache
from typing import Any

from leaderboard.openapi.paths import PATHS
from leaderboard.openapi.schemas import SCHEMAS
from leaderboard.openapi.tiles import TILE_PATHS
from leaderboard.openapi.worker_paths import WORKER_PATHS

_ABOUT = """
Everything under `/api/v1`. Errors are problem details (RFC 9457) with a `code` that programs can rely on; the
codes of refused bundles are the reasons on the page of the rules. Numbers are never NaN. Lists come in pages,
and answers carry an ETag: send it back as `If-None-Match` and get 304 where nothing has changed.
A token goes into the header `Authorization: Bearer TOKEN`; the page of your account makes one.
Writes are limited by address, and submissions by person: 429 says in `Retry-After` when to try again.
""".strip()


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """The OpenAPI document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Mandelbrot challenge",
            "version": "1",
            "description": _ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/", "description": "this server"}],
        "tags": [
            {"name": "Board", "description": "The ranked entries of a season."},
            {"name": "Submissions", "description": "Submit, and follow the evaluation."},
            {"name": "Tiles", "description": "The truth and what models draw, as tiles of maps."},
            {"name": "You", "description": "The owner of a token, and the remaining quota."},
            {"name": "Workers", "description": "For evaluators alone, with a worker's token and a lease."},
        ],
        "paths": PATHS | WORKER_PATHS | TILE_PATHS,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "person": {"type": "http", "scheme": "bearer", "description": "A person's token, `mbc_...`."},
                "worker": {"type": "http", "scheme": "bearer", "description": "A worker's token, `mbw_...`."},
            },
        },
    }


def resolve(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema that a reference names; any other schema as it is."""
    name = schema.get("$ref", "").rpartition("/")[2]
    return SCHEMAS[name] if name else schema
