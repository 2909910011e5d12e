"""The shipped page with a camera, and the module after many frames."""

import contextlib
import re
from pathlib import Path
from typing import Any

from pagesight.browser import discovery, tabs

from .host import hosting

CAMERA = ("--use-fake-device-for-media-stream=fps=30", "--use-fake-ui-for-media-stream")

# Every frame that is answered writes the answer's timing into the page; frames that were shown and not answered were dropped.
_WATCH = """() => {
  const counts = { answered: 0, shown: 0, started: performance.now() };
  const changes = { childList: true, characterData: true, subtree: true };
  new MutationObserver(() => counts.answered++).observe(document.getElementById("timing"), changes);
  const video = document.querySelector("video");
  const shown = (_, { presentedFrames }) => {
    counts.first ??= presentedFrames;
    counts.shown = presentedFrames - counts.first;
    video.requestVideoFrameCallback(shown);
  };
  video.requestVideoFrameCallback(shown);
  globalThis.counts = counts;
}"""
_COUNTS = "() => ({ ...counts, seconds: (performance.now() - counts.started) / 1000 })"
_FRAMES = """async (count) => {
  const { load } = await import(new URL("pagesight.js", document.baseURI).href);
  globalThis.classifier ??= await load(document.baseURI);
  globalThis.frame ??= new ImageData(640, 480);
  for (let i = 0; i < count; i++) {
    frame.data.fill(i % 251);
    await classifier.predictProbabilities(frame);
  }
  return classifier.memory();
}"""


def camera(site: Path, seconds: float = 10) -> dict[str, float]:
    """Frames a second that the camera showed and the page answered, and the share of those that it dropped (0..1)."""
    executable = discovery.find()
    assert executable is not None
    with tabs.launched(executable, *CAMERA) as browser, hosting(site) as host:
        page = browser.new_page()
        page.goto(host.address)
        page.wait_for_selector("html[data-ready=true]", timeout=60_000)
        page.click("#camera")
        page.wait_for_timeout(3000)
        page.evaluate(_WATCH)
        page.wait_for_timeout(seconds * 1000)
        counts = page.evaluate(_COUNTS)
    shown, answered = counts["shown"] / counts["seconds"], counts["answered"] / counts["seconds"]
    return {
        "shown_per_second": round(shown, 1),
        "answered_per_second": round(answered, 1),
        "dropped": round(max(0.0, 1 - answered / shown), 3),
    }


def memory(browser: Any, site: Path, frames: int) -> list[dict[str, float]]:
    """Tensors, their bytes and the renderer's resident megabytes (None without /proc), ten times over `frames` frames."""
    result = []
    with contextlib.ExitStack() as stack:
        address = stack.enter_context(hosting(site)).address
        context = browser.new_context()
        stack.callback(context.close)
        page = context.new_page()
        page.set_default_timeout(600_000)
        page.goto(address)
        session = browser.new_browser_cdp_session()
        for done in range(0, frames + 1, frames // 10):
            held = page.evaluate(_FRAMES, frames // 10 if done else 10)
            result.append(
                {"frames": done, "tensors": held["numTensors"], "bytes": held["numBytes"], "resident_mb": _resident(session)}
            )
    return result


def _resident(session: Any) -> float | None:
    """Of the largest renderer: the one with the page."""
    renderers = [p["id"] for p in session.send("SystemInfo.getProcessInfo")["processInfo"] if p["type"] == "renderer"]
    sizes = []
    for number in renderers:
        status = Path(f"/proc/{number}/status")
        if status.is_file() and (match := re.search(r"VmRSS:\s+(\d+)", status.read_text())):
            sizes.append(int(match[1]) / 1024)
    return round(max(sizes), 1) if sizes else None
