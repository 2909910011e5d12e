"""Build the page and run the given tests again whenever a file changes: `make watch TESTS=tests/web/test_page.py`."""

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLACES = ("converter", "models", "tests", "web_template")
EVERY_SECONDS = 0.5


def newest() -> float:
    """When a file last changed, in seconds since 1970; what is installed or cached does not count."""
    files = (
        path
        for place in PLACES
        for path in (ROOT / place).rglob("*")
        if path.is_file() and not {"node_modules", "__pycache__"} & set(path.parts)
    )
    return max(path.stat().st_mtime for path in files)


def main() -> None:
    """Until Ctrl-C."""
    seen = 0.0
    while True:
        now = newest()
        if now > seen:
            seen = now
            built = subprocess.run(["make", "--silent", "code"], cwd=ROOT, check=False)
            if not built.returncode:
                subprocess.run([sys.executable, "-m", "pytest", *sys.argv[1:]], cwd=ROOT, check=False)
            print("waiting for a change (Ctrl-C ends)", file=sys.stderr, flush=True)
        time.sleep(EVERY_SECONDS)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
