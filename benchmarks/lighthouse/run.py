"""Lighthouse's scores of a finished page: performance, accessibility, best practices; fails below the bar.

    python benchmarks/lighthouse/run.py BUNDLE [--bar 95] [--runs 5]

As a phone sees the page (slow 4G, a quarter of this processor) and as a desk does. Lighthouse is installed beside this file when it
is missing. The median of the runs counts.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from pagesight.browser import discovery
from pagesight.serve import serving

HERE = Path(__file__).resolve().parent
KINDS = ("performance", "accessibility", "best-practices")


DEVICES: dict[str, list[str]] = {"phone": [], "desk": ["--preset=desktop"]}


def scores(address: str, browser: Path, options: list[str]) -> dict[str, int]:
    """One run: points of 100 by category."""
    command = [
        HERE / "node_modules" / ".bin" / "lighthouse",
        address,
        "--quiet",
        "--output=json",
        f"--only-categories={','.join(KINDS)}",
        "--chrome-flags=--headless=new --no-sandbox",
        *options,
    ]
    done = subprocess.run(command, env={**os.environ, "CHROME_PATH": str(browser)}, capture_output=True, text=True, check=True)
    result = json.loads(done.stdout)["categories"]
    return {kind: round(result[kind]["score"] * 100) for kind in KINDS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--bar", type=int, default=95)
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    executable = discovery.find()
    if executable is None:
        parser.exit(1, f"error: there is no browser\n  fix: {discovery.HOW_TO_GET}\n")
    if not (HERE / "node_modules").is_dir():
        subprocess.run(["npm", "ci", "--ignore-scripts", "--silent"], cwd=HERE, check=True)
    with serving(asked.bundle) as address:
        runs = {name: [scores(address, executable, options) for _ in range(asked.runs)] for name, options in DEVICES.items()}
    medians = {
        name: {kind: statistics.median_low([run[kind] for run in result]) for kind in KINDS} for name, result in runs.items()
    }
    print(json.dumps({**medians, "runs": runs}))
    sys.exit(0 if min(min(result.values()) for result in medians.values()) >= asked.bar else 1)


if __name__ == "__main__":
    main()
