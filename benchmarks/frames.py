"""The camera for many frames, in Chromium: answers a second, memory before and after, and the longest wait of the page.

    python benchmarks/frames.py BUNDLE [--frames 10000] [--camera CLIP.mjpeg]

The page's own camera loop runs on Chromium's fake camera (or CLIP), as fast as it answers. Heap and tensors are read after each
tenth, past a garbage collection; long tasks of the main thread are those that PerformanceObserver reports: 50 ms and more.
A task is long too where other work kept the page from the processor: `longest_task_processor_ms` is what the dearest task of ten
more seconds took of it.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from pagesight.browser import discovery, tabs
from pagesight.serve import serving

_TRACED_MS = 10_000
WATCH = """() => {
  window.longTasks = [];
  const keep = (list) => longTasks.push(...list.getEntries().map(({ duration }) => duration));
  new PerformanceObserver(keep).observe({ type: "longtask" });
  document.addEventListener("pagesight-ready", ({ detail }) => { window.classifier = detail; });
  window.answers = 0;
  addEventListener("DOMContentLoaded", () => {
    const count = () => (window.answers += 1);
    new MutationObserver(count).observe(document.querySelector("#timing"), { childList: true });
  });
}"""


def memory(page: Any, session: Any) -> dict[str, float]:
    """Megabytes of the page's heap, and what the model's worker holds, after a collection."""
    session.send("HeapProfiler.collectGarbage")
    used = session.send("Runtime.getHeapUsage")["usedSize"]
    held = page.evaluate("() => classifier.memory()")
    return {"heap_mb": round(used / 1e6, 2), **{name: value for name, value in held.items() if isinstance(value, int | float)}}


def processor_time(browser: Any, page: Any) -> float:
    """Milliseconds on the processor of the main thread's dearest task, over some seconds."""
    browser.start_tracing(page=page, categories=["toplevel", "__metadata"])
    page.wait_for_timeout(_TRACED_MS)
    events = json.loads(browser.stop_tracing())["traceEvents"]
    named = {(e["pid"], e["args"]["name"]): e["tid"] for e in events if e.get("name") == "thread_name"}
    (own,) = {pid for pid, name in named if name.startswith("DedicatedWorker")}  # the renderer with the model's worker
    tasks = [e["tdur"] for e in events if "tdur" in e and (e["pid"], e["tid"]) == (own, named[own, "CrRendererMain"])]
    return round(max(tasks) / 1000, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--frames", type=int, default=10_000)
    parser.add_argument("--camera", type=Path)
    asked = parser.parse_args()
    executable = discovery.find()
    if executable is None:
        parser.exit(1, f"error: there is no browser\n  fix: {discovery.HOW_TO_GET}\n")
    flags = ["--use-fake-device-for-media-stream=fps=60", "--use-fake-ui-for-media-stream", "--js-flags=--expose-gc"]
    if asked.camera:
        flags.append(f"--use-file-for-fake-video-capture={asked.camera.resolve()}")
    with tabs.launched(executable, *flags) as browser, serving(asked.bundle) as address:
        page = browser.new_context(bypass_csp=True).new_page()
        page.add_init_script(f"({WATCH})()")
        page.goto(address)
        page.wait_for_selector("html[data-ready]")
        session = page.context.new_cdp_session(page)
        page.locator("#camera").click()
        page.wait_for_function("() => answers >= 100", timeout=120_000)  # what grows once has grown
        page.evaluate("() => { longTasks.length = 0; }")
        first, steps, began = page.evaluate("answers"), [memory(page, session)], time.perf_counter()
        for tenth in range(1, 11):
            page.wait_for_function(f"() => answers >= {first + asked.frames * tenth // 10}", timeout=600_000)
            steps.append(memory(page, session))
        seconds = time.perf_counter() - began
        tasks = page.evaluate("longTasks")
        dearest = processor_time(browser, page)
    heaps = [step["heap_mb"] for step in steps[1:]]
    print(
        json.dumps(
            {
                "frames": asked.frames,
                "answers_per_second": round(asked.frames / seconds, 1),
                "heap_mb": [steps[0]["heap_mb"], *heaps],
                "heap_drift": round(float(np.mean(heaps[5:]) / np.mean(heaps[:5]) - 1), 4),
                "held_before": {name: value for name, value in steps[0].items() if name != "heap_mb"},
                "held_after": {name: value for name, value in steps[-1].items() if name != "heap_mb"},
                "longest_task_ms": round(max(tasks, default=0)),
                "longest_task_processor_ms": dearest,
                "long_tasks": len(tasks),
            }
        )
    )


if __name__ == "__main__":
    main()
