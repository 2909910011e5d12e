"""What archives of pictures may hold: see `pagesight.archives` for how it is held to."""

from pathlib import Path

from pagesight import archives
from pagesight.errors import ScanError

_FIX = "give a folder of class folders, or a zip archive (without a password) of one"
RULES = archives.Rules(
    error=ScanError,
    damaged="{archive} is not a zip archive that can be read: {cause}",
    damaged_fix=_FIX,
    not_archive="{archive} is not a zip archive that can be read",
    not_archive_fix=_FIX,
    again="make the archive again from the folder of class folders",
    member_again="make the archive again from the folder of class folders",
    max_bytes=64 * 1024**3,
    max_files=2_000_000,
    skip_links=True,
)


def extract(archive: Path, into: Path) -> None:
    """Unpack a `.zip` (or `.tar`) of pictures below `into`. Raises ScanError for a damaged or hostile one; links are left out."""
    archives.unpack(archive, into, RULES)
