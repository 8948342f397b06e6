"""Where bundles and pictures are kept: a folder, or object storage by one URL."""

from leaderboard.storage.interface import Storage, StoredFile
from leaderboard.storage.opening import open_storage, storage_of

__all__ = ["Storage", "StoredFile", "open_storage", "storage_of"]
