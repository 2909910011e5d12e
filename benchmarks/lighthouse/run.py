"""Lighthouse's scores of a finished page: performance, accessibility, best practices; fails below the bar.

    python benchmarks/lighthouse/run.py BUNDLE [--bar 95] [--runs 3]

Lighthouse is installed beside this file when it is missing. The best of the runs counts: other work on the machine takes from
performance, and never gives.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from pagesight import _browser
from pagesight.serve import serving

HERE = Path(__file__).resolve().parent
KINDS = ("performance", "accessibility", "best-practices")


def scores(address: str, browser: Path) -> dict[str, int]:
    """One run: points of 100 by category."""
    command = [
        HERE / "node_modules" / ".bin" / "lighthouse",
        address,
        "--quiet",
        "--output=json",
        f"--only-categories={','.join(KINDS)}",
        "--chrome-flags=--headless=new --no-sandbox",
    ]
    done = subprocess.run(command, env={**os.environ, "CHROME_PATH": str(browser)}, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)["categories"]
    return {kind: round(found[kind]["score"] * 100) for kind in KINDS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--bar", type=int, default=95)
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    executable = _browser.find()
    if executable is None:
        parser.exit(1, f"error: there is no browser\n  fix: {_browser.HOW_TO_GET}\n")
    if not (HERE / "node_modules").is_dir():
        subprocess.run(["npm", "ci", "--ignore-scripts", "--silent"], cwd=HERE, check=True)
    with serving(asked.bundle) as address:
        runs = [scores(address, executable) for _ in range(asked.runs)]
    best = {kind: max(run[kind] for run in runs) for kind in KINDS}
    print(json.dumps({**best, "runs": runs}))
    sys.exit(0 if min(best.values()) >= asked.bar else 1)


if __name__ == "__main__":
    main()
