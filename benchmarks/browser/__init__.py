"""The same weights and pictures through Pagesight's page and through every peer, side by side in one real browser."""

from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
CACHE = ROOT / "build" / "bench"
