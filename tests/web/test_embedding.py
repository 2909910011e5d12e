"""In somebody else's app: signals, streams, addresses without a slash, pictures of other sites, and a server that has no window."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import assembly
import pytest
from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def app(watched: Any, serve: Callable[[Path], Any], make_bundle: Callable[..., Path], tmp_path: Path) -> Page:
    """An empty page beside a bundle's folder, on a site that another one can be told from."""
    make_bundle(threshold=0.6).rename(tmp_path / "page2")
    (tmp_path / "app.html").write_text('<!doctype html><link rel="icon" href="data:,"><title>app</title>', encoding="utf-8")
    page: Page = watched.page
    page.goto(f"{serve(tmp_path).url}app.html")
    page.evaluate(
        """async () => {
          const { load, PagesightError } = await import("./page2/pagesight.js");
          const picture = async (color) => {
            const canvas = new OffscreenCanvas(40, 40);
            const paint = canvas.getContext("2d");
            paint.fillStyle = color;
            paint.fillRect(0, 0, 40, 40);
            return canvas.convertToBlob();
          };
          Object.assign(window, { load, PagesightError, picture });
        }"""
    )
    return page


def test_answers_say_whether_they_are_sure_and_a_folder_needs_no_slash(app: Page) -> None:
    found = app.evaluate(
        """async () => {
          const classifier = await load("./page2");
          const red = await classifier.classify(await picture("rgb(230, 20, 20)"));
          const gray = await classifier.classify(await picture("rgb(120, 119, 118)"), { topK: 1 });
          return { red, gray };
        }"""
    )
    assert [(one["label"], one["sure"]) for one in found["red"]] == [("red", True), ("green", False), ("blue", False)]
    assert [one["sure"] for one in found["gray"]] == [False]


def test_loading_and_answering_are_given_up_with_the_signals_reason(app: Page) -> None:
    found = app.evaluate(
        """async () => {
          const why = (promise) => promise.then(() => "done", (reason) => reason.message ?? String(reason));
          const leaving = new AbortController();
          const loading = why(load("./page2/", { signal: leaving.signal }));
          leaving.abort(new Error("left"));
          const late = why(load("./page2/", { signal: AbortSignal.abort(new Error("before")) }));
          const classifier = await load("./page2/");
          const asking = new AbortController();
          const answering = why(classifier.classify(await picture("red"), { signal: asking.signal }));
          asking.abort(new Error("enough"));
          const after = await classifier.classify(await picture("red"));
          return [await loading, await late, await answering, after[0].label];
        }"""
    )
    assert found == ["left", "before", "enough", "red"]


def test_many_pictures_are_answered_in_order_and_one_that_is_none_stops_no_other(app: Page) -> None:
    found = app.evaluate(
        """async () => {
          const classifier = await load("./page2/");
          const many = [await picture("red"), new Blob(["words"]), await picture("blue"), "no picture"];
          const rows = await classifier.classifyMany(many, { topK: 1 });
          return rows.map(({ answers, error }) => answers?.[0].label ?? error.code);
        }"""
    )
    assert found == ["red", "picture", "blue", "source"]


def test_a_stream_answers_frames_until_its_signal(app: Page) -> None:
    found = app.evaluate(
        """async () => {
          const classifier = await load("./page2/");
          const canvas = document.createElement("canvas");
          const paint = canvas.getContext("2d");
          const draw = () => { paint.fillStyle = "rgb(20, 20, 230)"; paint.fillRect(0, 0, 300, 150); };
          draw();
          const timer = setInterval(draw, 30);
          const video = document.createElement("video");
          Object.assign(video, { muted: true, srcObject: canvas.captureStream(30) });
          await video.play();
          const leaving = new AbortController();
          const said = [];
          for await (const [best] of classifier.stream(video, { signal: leaving.signal })) {
            said.push(best.label);
            if (said.length === 4) leaving.abort();
          }
          clearInterval(timer);
          return said;
        }"""
    )
    assert found == ["blue"] * 4


def test_a_picture_of_another_site_is_refused_with_the_way_out(app: Page) -> None:
    # The same server by another name is another site.
    found = app.evaluate(
        """async (other) => {
          const classifier = await load("./page2/");
          const image = new Image();
          image.src = other;
          await image.decode();
          const canvas = document.createElement("canvas");
          canvas.getContext("2d").drawImage(image, 0, 0);
          const closed = await createImageBitmap(await picture("red"));
          closed.close();
          const why = (source) => classifier.classify(source).then(() => "done", (error) => [error.code, error.message]);
          return [await why(image), await why(canvas), await why(closed)];
        }""",
        app.url.replace("localhost", "127.0.0.1").replace("app.html", "page2/samples/0.jpg"),
    )
    for code, message in found:
        assert code == "source"
        assert 'crossorigin="anonymous"' in message


def test_a_server_without_a_window_imports_module_and_element_and_nothing_happens(make_bundle: Callable[..., Path]) -> None:
    bundle = make_bundle()
    node = os.environ | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
    code = 'await import("./pagesight.js"); await import("./pagesight-element.js"); console.log(typeof globalThis.HTMLElement)'
    done = subprocess.run(
        ["node", "--input-type=module", "-e", code], cwd=bundle, env=node, capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("undefined", "")


def test_no_module_has_an_address_that_a_bundler_would_take_for_a_file() -> None:
    for path in (assembly.BUILT / "static").glob("pagesight*.js"):
        assert 'new URL(".",import.meta.url)' not in path.read_text(encoding="utf-8"), path.name
