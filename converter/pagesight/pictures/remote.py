"""Pictures at an address that TensorFlow reads (gs://, s3://, hdfs://, ram://): copied once, then used as a local folder is."""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pagesight import manifest, progress
from pagesight.errors import ScanError
from pagesight.graph.tensorflow import tensorflow

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+://")


def located(photos: str | Path) -> str | Path:
    """An address as it is, anything else as a path of this machine; TensorFlow is not imported to tell."""
    return photos if isinstance(photos, str) and _SCHEME.match(photos) else Path(photos)


def fingerprint(address: str) -> str:
    """A hash of the names, sizes and times below `address`. Raises ScanError when it cannot be reached."""
    gfile = tensorflow().io.gfile
    try:
        stats = [(name, gfile.stat(name)) for name in _files(address)]
    except tensorflow().errors.OpError as cause:
        raise _unreachable(address, cause) from cause
    if not stats:
        raise ScanError(f"{address} holds no pictures", fix="give the address of a folder with one folder of pictures per class")
    return manifest.sha256_json([[name, status.length, status.mtime_nsec] for name, status in stats])


def copy(address: str, into: Path) -> None:
    """Copy all files below `address` into the new folder `into`. Raises ScanError when the connection fails."""
    gfile, top = tensorflow().io.gfile, address.rstrip("/") + "/"
    try:
        names = list(_files(address))
        with progress.task(f"copying {address}", len(names)) as advance:
            for name in names:
                file = into / name.removeprefix(top)
                file.parent.mkdir(parents=True, exist_ok=True)
                with gfile.GFile(name, "rb") as source:
                    file.write_bytes(source.read())
                advance()
    except tensorflow().errors.OpError as cause:
        raise _unreachable(address, cause) from cause


def _files(address: str) -> Iterator[str]:
    """All files below `address`, sorted by folder."""
    for folder, _, files in sorted(tensorflow().io.gfile.walk(address.rstrip("/"), onerror=_raise)):
        yield from sorted(posixpath.join(folder, name) for name in files)


def _raise(error: BaseException) -> None:
    raise error


def _unreachable(address: str, cause: Any) -> ScanError:
    return ScanError(
        f"{address} cannot be read: {str(cause.message).splitlines()[0][:160] or type(cause).__name__}",
        fix="check the address, the network and your credentials, or copy the pictures here",
    )
