"""What many tests share: small pictures made on the spot, and the folders that do not ship."""

import os
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pagesight.browser import discovery

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("PAGESIGHT_SHARED", ROOT.parent / "shared"))

INSTALLED = discovery.find_all()
"""Browsers of this machine."""

PhotoFolder = Callable[..., Path]


def pytest_configure(config: pytest.Config) -> None:
    """A page that a test builds is verified in Chromium alone: what the other engines do has tests of its own.

    Only where tests run: the workers of xdist inherit the environment of the process that starts them, and would find no browser.
    """
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", None):
        os.environ.update(FIREFOX="none", WEBKIT="none")


LONGEST = ("test_readme.py", "test_distributed.py")
"""Files with single tests of a minute: whoever gets one last works on while all others have done."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What asks for `shared` is marked so: `-m shared` runs it, and nothing else. Files of slow tests come first."""
    slow: Counter[Path] = Counter()
    for item in items:
        if "shared" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.shared)
        slow[item.path] += item.get_closest_marker("slow") is not None
    items.sort(key=lambda item: (item.path.name not in LONGEST, -slow[item.path], item.path))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Which promises this run says nothing about, and why: a check that cannot be made must not vanish among those that pass."""
    untested: dict[str, list[str]] = defaultdict(list)
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        untested[reason.removeprefix("Skipped: ")].append(report.nodeid)
    if untested:
        terminalreporter.section("promises that were not tested here")
    for reason, tests in sorted(untested.items()):
        terminalreporter.write_line(f"{reason}:")
        for test in sorted(tests):
            terminalreporter.write_line(f"  {test.partition('::')[2].removeprefix('test_').replace('_', ' ') or test}")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real photographs and weights, where this machine has them."""
    if not (SHARED / "data" / "hand-digits").is_dir():
        pytest.skip(f"no photographs in {SHARED}")
    return SHARED


def draw(kind: int, rng: np.random.Generator, side: int = 48) -> Image.Image:
    """A colored shape on noise: kind 0 a disc, 1 a square, 2 a triangle, each in its color, place and size vary."""
    noise = rng.integers(90, 140, (side, side, 3))
    y, x = np.mgrid[:side, :side] - side / 2 + rng.integers(-6, 7, (2, 1, 1))
    radius = rng.integers(side // 4, side // 3)
    triangle = (y > -radius) & (abs(x) < (y + radius) / 2) & (y < radius)
    inside = [x**2 + y**2 < radius**2, np.maximum(abs(x), abs(y)) < radius * 0.8, triangle]
    noise[inside[kind % 3]] = [(220, 40, 40), (40, 200, 60), (50, 70, 230)][kind % 3]
    return Image.fromarray(noise.astype(np.uint8))


def write_photos(root: Path, labels: list[str], per_class: int = 12, *, seed: int = 0, groups: int = 4) -> Path:
    """`root/<label>/personN_MM.jpg` for every label."""
    rng = np.random.default_rng(seed)
    for kind, label in enumerate(labels):
        (root / label).mkdir(parents=True)
        for number in range(per_class):
            draw(kind, rng).save(root / label / f"person{number % groups}_{number:02d}.jpg", quality=92)
    return root


def write_grays(root: Path, count: int) -> Path:
    """`root/NN.png`, gray noise of another brightness each: pictures of no class."""
    root.mkdir(parents=True)
    for number in range(count):
        noise = np.random.default_rng(number).integers(-20, 21, (48, 48, 1)) + 40 + 170 * number // count
        Image.fromarray(noise.repeat(3, 2).astype(np.uint8)).save(root / f"{number:02d}.png")
    return root


@pytest.fixture
def photos(tmp_path: Path) -> PhotoFolder:
    """Makes a folder of class folders: `photos("disc", "square", per_class=12)`."""

    def make(*labels: str, per_class: int = 12, groups: int = 4, name: str = "photos") -> Path:
        return write_photos(tmp_path / name, list(labels), per_class, groups=groups)

    return make
