"""VGG16, 138 million weights that mean nothing, from a .keras file to a page that answers: seconds, and memory at its peak.

    python benchmarks/large.py [--quantize uint8]

Memory is the proportional set size (PSS) of Python and of all of the browser's processes, sampled while `pagesight convert` runs;
for Linux alone.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MAKE = "import keras, sys; keras.utils.set_random_seed(0); keras.applications.VGG16(weights=None).save(sys.argv[1])"


def tree(root: int) -> dict[int, str]:
    """The process `root` and all that it started, by id with their names."""
    parents, names = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            before, after = stat.read_text().rsplit(")", 1)
        except OSError:  # it has ended
            continue
        number = int(stat.parent.name)
        names[number], parents[number] = before.split("(", 1)[1], int(after.split()[1])
    result = {root}
    while more := {child for child, parent in parents.items() if parent in result} - result:
        result |= more
    return {number: names.get(number, "") for number in result}


def pss(process: int) -> int:
    """Bytes of a process, its share of what it has in common with others included; 0 for one that has ended."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def main(quantize: str) -> None:
    """Make the model, convert it, and print what that took."""
    with tempfile.TemporaryDirectory() as scratch:
        source, labels = Path(scratch) / "vgg16.keras", Path(scratch) / "labels.txt"
        subprocess.run([sys.executable, "-c", MAKE, source], check=True, capture_output=True)
        labels.write_text("\n".join(f"class {i}" for i in range(1000)), encoding="utf-8")
        print(f"{source.stat().st_size:,} bytes of .keras", flush=True)
        started, peak = time.perf_counter(), {"python": 0, "browser": 0, "together": 0}
        command = ["-m", "pagesight", "convert", source, "-o", Path(scratch) / "page", "--labels", labels, "--quantize", quantize]
        with subprocess.Popen([sys.executable, *map(str, command)]) as running:
            while running.poll() is None:
                held = {number: (name, pss(number)) for number, name in tree(running.pid).items()}
                browser = sum(size for name, size in held.values() if name.startswith(("chrom", "msedge")))
                together = sum(size for _, size in held.values())
                for what, size in {"python": together - browser, "browser": browser, "together": together}.items():
                    peak[what] = max(peak[what], size)
                time.sleep(0.3)
        seconds = time.perf_counter() - started
        shards = [p.stat().st_size for p in (Path(scratch) / "page" / "model").glob("*.bin")]
    print(f"exit {running.returncode}, {seconds:.0f} s, {len(shards)} shards, the largest of {max(shards, default=0):,} bytes")
    print(", ".join(f"{what} {size / 1e9:.2f} GB" for what, size in peak.items()))
    sys.exit(running.returncode)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quantize", default="uint8")
    main(**vars(parser.parse_args()))
