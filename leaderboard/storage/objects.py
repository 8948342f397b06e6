"""Object storage by URL, through obstore: S3 and compatible services, and the stores of Google and Azure."""

import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from leaderboard.errors import Refused
from leaderboard.storage.interface import StoredFile
from leaderboard.storage.refusals import too_large, unreadable, unwritable

try:
    import obstore
    from obstore.exceptions import BaseError
    from obstore.store import from_url
except ModuleNotFoundError as error:
    raise Refused(
        503, "storage_missing", "Object storage needs the package obstore: pip install '.[objects]'."
    ) from error

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# A worker asks for a bundle, and fetches it at once.
_LINK: Final = timedelta(minutes=10)
# Reading a member of an archive takes a few requests of this size.
_READ_AHEAD: Final = 256 * 1024
_PROBE: Final = ".probe"
# An answer that takes longer keeps a thread of the server, and a browser that gives up.
_CLIENT: Final = {"connect_timeout": timedelta(seconds=5), "timeout": timedelta(seconds=60)}
_RETRY: Final = {"max_retries": 3, "retry_timeout": timedelta(seconds=20)}


class ObjectStorage:
    """Objects below a prefix in a bucket; credentials come from the environment, as AWS_ACCESS_KEY_ID.

    Args:
        url: such as "s3://bucket/prefix". AWS_ENDPOINT_URL names another server than Amazon's.
        scratch: where large files are made before they are sent; None for the system's directory.

    Raises:
        Refused: with 503, where the URL is none.
    """

    def __init__(self, url: str, scratch: Path | None = None) -> None:
        self._url = url.rstrip("/")
        self._scratch = scratch
        s3 = url.startswith("s3://")
        plain = os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")
        try:
            self._store: Any = from_url(
                self._url,
                # The server compares what it got with it.
                config={"checksum_algorithm": "SHA256"} if s3 else None,
                client_options=cast("Any", _CLIENT | {"allow_http": plain}),
                retry_config=cast("Any", _RETRY),
            )
        except (BaseError, ValueError) as error:
            raise Refused(503, "storage_url", f"The storage {url} cannot be used: {_why(error)}.") from error

    @property
    def name(self) -> str:
        """The URL."""
        return self._url

    def check(self) -> None:
        """Refused where the bucket is not there, or is read-only for these credentials."""
        self.put(_PROBE, b"x")
        self.remove(_PROBE)

    def put(self, key: str, content: bytes) -> None:
        """Store an object."""
        with self._writing():
            obstore.put(self._store, key, content)

    @contextmanager
    def writing(self, key: str) -> Iterator[Path]:
        """Yield a temporary file; it is sent in parts, of which few are in memory."""
        scratch = self._scratch if self._scratch and self._scratch.is_dir() else None
        with tempfile.NamedTemporaryFile(dir=scratch, suffix=Path(key).suffix) as file:
            yield Path(file.name)
            with Path(file.name).open("rb") as content, self._writing():
                obstore.put(self._store, key, content)

    def get(self, key: str, most: int) -> bytes:
        """An object's content."""
        with self._reading():
            found = obstore.get(self._store, key)
            if found.meta["size"] > most:
                raise too_large(key, most)
            return bytes(found.bytes())

    def open(self, key: str) -> BinaryIO:
        """An object, of which only those parts are fetched that are read."""
        found = self.find(key)
        if found is None:
            raise FileNotFoundError(key)
        return cast("BinaryIO", io.BufferedReader(_Ranges(self, key, found.size), _READ_AHEAD))

    def find(self, key: str) -> StoredFile | None:
        """Size and time of an object."""
        try:
            with self._reading():
                return _stored(cast("Any", obstore.head(self._store, key)))
        except FileNotFoundError:
            return None

    def list(self, below: str) -> Iterator[StoredFile]:
        """All objects below a prefix, a page at a time."""
        with self._reading():
            for page in obstore.list(self._store, prefix=below):
                yield from map(_stored, cast("Any", page))

    def remove(self, key: str) -> None:
        """Delete an object."""
        with self._writing():
            obstore.delete(self._store, key)

    def remove_all(self, below: str) -> None:
        """Delete all objects below a prefix."""
        for page in obstore.list(self._store, prefix=below):
            with self._writing():
                obstore.delete(self._store, [one["path"] for one in cast("Any", page)])

    def local_path(self, key: str) -> Path | None:  # noqa: ARG002 - as Storage has it
        """None: it is elsewhere."""
        return None

    def link(self, key: str) -> str | None:
        """A presigned address."""
        with self._reading():
            return str(obstore.sign(self._store, "GET", key, _LINK))

    def range(self, key: str, start: int, length: int) -> bytes:
        """Some bytes of an object."""
        with self._reading():
            return bytes(obstore.get_range(self._store, key, start=start, length=length))

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise unreadable(self.name, _why(error)) from error
            raise
        except (BaseError, OSError) as error:
            raise unreadable(self.name, _why(error)) from error

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise unwritable(self.name, "there is no such bucket") from error
        except (BaseError, OSError) as error:
            raise unwritable(self.name, _why(error)) from error


class _Ranges(io.RawIOBase):
    """An object as a file."""

    def __init__(self, storage: ObjectStorage, key: str, size: int) -> None:
        self._storage = storage
        self._key = key
        self._size = size
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._place = (0, self._place, self._size)[whence] + offset
        return self._place

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer).cast("B")
        length = min(len(view), self._size - self._place)
        if length <= 0:
            return 0
        view[:length] = self._storage.range(self._key, self._place, length)
        self._place += length
        return length


def _stored(meta: dict[str, Any]) -> StoredFile:
    return StoredFile(meta["path"], meta["size"], meta["last_modified"])


def _why(error: Exception) -> str:
    """The first line of an error, without what it repeats of the request's address."""
    line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    for known in ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"):
        if known in str(error):
            return f"it answers {known}"
    if "NoSuchBucket" in str(error):
        return "there is no such bucket"
    return line[:200].rstrip(".")
