"""From a setting to the storage that it names."""

from functools import lru_cache
from pathlib import Path

from leaderboard.config import Config
from leaderboard.storage.folder import FolderStorage
from leaderboard.storage.interface import Storage


def storage_of(config: Config) -> Storage:
    """The storage of a leaderboard: the data directory, unless the setting `storage` names another."""
    if config.storage:
        return open_storage(config.storage, config.data / "uploads")
    return open_storage(str(config.data))


@lru_cache(maxsize=16)
def open_storage(place: str, scratch: Path | None = None) -> Storage:
    """The storage in a folder, or at a URL such as "s3://bucket/prefix"; keeps its connections.

    Args:
        place: the folder or the URL.
        scratch: where large files are made before they are sent; None for the system's directory.

    Raises:
        Refused: with 503, where the URL or what it needs is not there.
    """
    if "://" not in place:
        return FolderStorage(Path(place))
    # Compiled code that a folder does not need.
    from leaderboard.storage.objects import ObjectStorage  # noqa: PLC0415

    return ObjectStorage(place, scratch)
