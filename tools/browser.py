"""See to it that this machine has a browser of each engine: installed, of Debian's packages as root, else Playwright's Chromium."""

import os
import shutil
import subprocess
import sys

from pagesight.browser import discovery

PACKAGES = {
    "chromium": ["chromium", "fonts-liberation"],
    "firefox": ["firefox-esr"],
    "webkit": [
        "webkit2gtk-driver",
        "xvfb",
        "libgl1-mesa-dri",
        *(f"gstreamer1.0-plugins-{kind}" for kind in ("base", "good", "bad")),
    ],
}


def main() -> int:
    """0 when there is a Chromium in the end, which most tests need; the others' tests are skipped where they are missing."""
    missing = [engine for engine in discovery.ENGINES if not discovery.find_engine(engine)]
    if not missing:
        return 0
    print(f"installing browsers: {', '.join(missing)}", file=sys.stderr, flush=True)
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        quiet = {"stdout": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
        subprocess.run(["apt-get", "update", "-qq"], check=False, **quiet)
        for engine in missing:
            install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES[engine]]
            subprocess.run(install, check=False, **quiet)
    if not discovery.find():
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    for engine in missing:
        if not discovery.find_engine(engine):
            print(f"note: no {engine} could be installed; {discovery.HOW_TO_GET_EACH[engine]}", file=sys.stderr)
    return 0 if discovery.find() else 1


if __name__ == "__main__":
    sys.exit(main())
