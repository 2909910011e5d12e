"""<pagesight-classifier>, in an app's own page: it shows what was asked last, tells what it answers, and says what failed."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page

ELEMENT = """async () => {
  await import("./pagesight-element.js");
  const paint = new OffscreenCanvas(64, 64).getContext("2d");
  const picture = async (color) => {
    paint.fillStyle = color;
    paint.fillRect(0, 0, 64, 64);
    return paint.canvas.convertToBlob();
  };
  const [red, blue] = [await picture("rgb(220, 30, 30)"), await picture("rgb(30, 30, 220)")];
  const film = document.createElement("canvas");
  setInterval(() => film.getContext("2d").fillRect(0, 0, film.width, film.height), 30);
  navigator.mediaDevices.getUserMedia = async () => film.captureStream();
  const failures = [];
  const made = () => {
    const element = document.createElement("pagesight-classifier");
    element.addEventListener("failure", ({ detail }) => failures.push(detail.message));
    element.setAttribute("src", "./");
    document.body.append(element);
    return element;
  };
  const element = made();
  const [image, video, output] = ["img", "video", "output"].map((name) => element.shadowRoot.querySelector(name));
  const classifier = await element.classifier;
  const classify = classifier.classify.bind(classifier);
  const gate = Promise.withResolvers();
  classifier.classify = async (source, options) => {
    if (source === red) await gate.promise;
    return classify(source, options);
  };
  const late = element.classify(red);
  const soon = await element.classify(blue);
  gate.resolve();
  const results = { both: [(await late)[0].label, soon[0].label], said: output.textContent };
  // The camera is stopped while the model is still loaded.
  const other = made();
  const starting = other.startCamera();
  other.stopCamera();
  await starting;
  results.stopped = other.shadowRoot.querySelector("video").srcObject;
  await element.startCamera();
  results.running = Boolean(video.srcObject);
  await element.classify(blue);
  results.picture = [video.srcObject, video.hidden, image.hidden, output.textContent];
  await element.startCamera();
  element.setAttribute("src", "./?other");
  await element.classifier;
  results.forgotten = [image.hidden, output.textContent];
  // Whoever waits for a model that does not come is told with everybody else, once.
  const before = failures.length;
  element.setAttribute("src", "./missing/");
  await Promise.allSettled([element.classify(blue), element.classifier]);
  results.missing = failures.length - before;
  return { ...results, changed: video.srcObject, failures: failures.slice(0, before) };
}"""


def test_the_element_shows_what_was_asked_last_and_its_camera_stops_when_told(
    make_bundle: Callable[..., Path], blank: Callable[..., Page]
) -> None:
    result = blank(make_bundle()).evaluate(ELEMENT)
    assert result["both"] == ["red", "blue"]
    assert result["said"].startswith("blue")
    assert (result["stopped"], result["running"], result["changed"]) == (None, True, None)
    assert result["picture"][:3] == [None, True, False]
    assert result["picture"][3].startswith("blue")
    assert result["forgotten"] == [True, ""]
    assert result["missing"] == 1
    assert result["failures"] == []


def test_the_element_loads_answers_and_tells(make_bundle: Callable[..., Path], blank: Callable[..., Page]) -> None:
    bundle = make_bundle(language="de")
    page = blank(bundle)
    result = page.evaluate(
        """async () => {
          await import("./pagesight-element.js");
          const element = document.createElement("pagesight-classifier");
          element.setAttribute("src", "./");
          element.setAttribute("top-k", "2");
          const ready = new Promise((resolve) => element.addEventListener("ready", () => resolve(true)));
          const told = new Promise((resolve) => element.addEventListener("answer", ({ detail }) => resolve(detail)));
          document.body.append(element);
          await ready;
          await element.classify(await (await fetch("samples/2.jpg")).blob());
          const image = element.shadowRoot.querySelector("img");
          await image.decode();
          const words = document.createRange();
          words.selectNodeContents(element.shadowRoot.querySelector("#choose"));
          const apart = image.getBoundingClientRect().top - words.getBoundingClientRect().bottom;
          const failed = new Promise((resolve) => element.addEventListener("failure", ({ detail }) => resolve(detail.code)));
          element.classify(new Blob(["words"])).catch(() => {});
          await failed;
          const said = [...element.shadowRoot.querySelectorAll("slot, output")].map(({ textContent }) => textContent);
          return { told: await told, failed: await failed, said, apart };
        }"""
    )
    assert result["told"][0]["label"] == "blue"
    assert len(result["told"]) == 2
    # Below the line, and not on its descenders.
    assert result["apart"] >= 4
    assert result["failed"] == "picture"
    assert result["said"] == ["Bild wählen oder hier ablegen", "Kamera benutzen", "Das ist kein Bild"]
