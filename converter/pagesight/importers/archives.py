"""What archives of models may hold: see `pagesight.archives` for how it is held to."""

from pathlib import Path

from pagesight import archives
from pagesight.errors import AdoptError

MAX_BYTES = 4 * 1024**3
_SAVE_AGAIN = "save the model again with `model.save(…)`"
RULES = archives.Rules(
    error=AdoptError,
    damaged="{archive} is damaged: {cause}",
    damaged_fix="copy or download it again",
    not_archive="{archive} is not a readable archive",
    not_archive_fix="give a .zip or a .tar.gz, or the folder itself",
    again="make the archive again from the model's folder",
    member_again=_SAVE_AGAIN,
    max_bytes=MAX_BYTES,
    max_files=10_000,
)


def unpack(archive: Path, into: Path) -> None:
    """Unpack a `.zip`, `.tar` or `.tar.gz` below `into`. Raises AdoptError for a damaged or hostile one; links are refused."""
    archives.unpack(archive, into, RULES)


def read_member(archive: Path, name: str, limit: int) -> bytes:
    """The bytes of one member of a zip archive, at most `limit`. Raises AdoptError where there is none or it is larger."""
    return archives.read_member(archive, name, limit, RULES)


def write_member(archive: Path, name: str, limit: int, into: Path) -> None:
    """Write one member of a zip archive to the file `into`, with the limits of `read_member`."""
    archives.write_member(archive, name, limit, into, RULES)
