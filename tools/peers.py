"""Fetch the libraries of others that the tests load in a browser, one file of each, into build/peers.

They bring hundreds of packages that a browser never sees; only the package itself is fetched, and its integrity checked.
"""

import base64
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WANTED = json.loads((ROOT / "tests" / "peers" / "peers.json").read_text(encoding="utf-8"))
INTO = ROOT / "build" / "peers"


def main() -> int:
    """0 when all are there in the end; one that cannot be fetched keeps none of the others away."""
    missing = {name: options for name, options in WANTED.items() if not (INTO / Path(options["file"]).name).is_file()}
    if not missing:
        return 0
    print(f"fetching {', '.join(missing)} for the tests", file=sys.stderr, flush=True)
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        for number, (name, options) in enumerate(missing.items()):
            folder = Path(scratch) / str(number)
            folder.mkdir()
            done = subprocess.run(["npm", "pack", "--silent", name, "--pack-destination", str(folder)], cwd=folder, check=False)
            if done.returncode:
                print(f"note: {name} could not be fetched; tests that need it are skipped, and named at the end", file=sys.stderr)
                failed = 1
                continue
            take(next(folder.glob("*.tgz")), name, options)
    return failed


def take(package: Path, name: str, options: dict[str, str]) -> None:
    """Copy the one file out of a package that is what its integrity says."""
    result = "sha512-" + base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()
    if result != options["integrity"]:
        sys.exit(f"error: {name} is not what it was: {result}\n  fix: check tests/peers/peers.json against the registry")
    with tarfile.open(package) as archive:
        member = archive.extractfile(options["file"])
        assert member is not None
        INTO.mkdir(parents=True, exist_ok=True)
        (INTO / Path(options["file"]).name).write_bytes(member.read())


if __name__ == "__main__":
    sys.exit(main())
