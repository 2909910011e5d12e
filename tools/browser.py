"""See to it that this machine has a browser: $CHROME, an installed one, Debian's package as root, else Playwright's."""

import os
import shutil
import subprocess
import sys

from pagesight.browser import discovery


def main() -> int:
    """0 when there is a browser in the end."""
    if discovery.find():
        return 0
    print("installing a browser", file=sys.stderr, flush=True)
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        quiet = {"stdout": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
        subprocess.run(["apt-get", "update", "-qq"], check=False, **quiet)
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-liberation"], check=False, **quiet
        )
    if not discovery.find():
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    if discovery.find():
        return 0
    print(f"note: no browser could be installed; {discovery.HOW_TO_GET}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
