"""Rendered number hands as a folder of class folders: something to try the whole line on, without a camera."""

from dataclasses import asdict
from pathlib import Path

from pagesight import manifest, progress
from pagesight.hands import render_folder
from pagesight.options import Rendering


def render(options: Rendering, into: Path) -> Path:
    """Draw `options.per_class` pictures of each digit into `into/<digit>/signerNN_MMMM.jpg`; the same seed gives the same bytes."""
    key = {"options": asdict(options), "versions": manifest.versions("pillow", "numpy", "scipy")}
    if manifest.is_fresh(into, "render", key):
        progress.stage("render", fresh=True)
        return into
    progress.stage("render")
    with (
        manifest.atomic_output_dir(into, "render", key) as temporary,
        progress.task("drawing hands", 10 * options.per_class) as advance,
    ):
        done = 0

        def tell(drawn: int, _total: int) -> None:
            nonlocal done
            advance(drawn - done)
            done = drawn

        render_folder(
            temporary, per_class=options.per_class, subjects=options.subjects, side=options.side, seed=options.seed, progress=tell
        )
    return into
