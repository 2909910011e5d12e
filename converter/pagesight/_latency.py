"""How long a page takes for one picture, in a browser of this machine."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

from pagesight import _browser
from pagesight.artifacts import Bundle
from pagesight.errors import VerifyError
from pagesight.serve import serving

_WARM_UP, _TIMES = 5, 30
_ASK = """async ({ side, times }) => {
  const { load } = await import(new URL("pagesight.js", document.baseURI).href);
  const classifier = await load(new URL("./", document.baseURI).href);
  const picture = new ImageData(side, side);
  const took = [];
  for (let i = 0; i < times; i++) {
    const begin = performance.now();
    await classifier.predict(picture);
    took.push(performance.now() - begin);
  }
  return took;
}"""


def milliseconds(bundle: Bundle, executable: Path) -> float:
    """The median time from a picture of the model's size to its answer. Raises VerifyError when the page does not run."""
    with ThreadPoolExecutor(1) as own_thread:  # a notebook's event loop would forbid playwright's plain calls in this one
        return own_thread.submit(_measured, bundle, executable).result()


def _measured(bundle: Bundle, executable: Path) -> float:
    from playwright.sync_api import Error

    try:
        with serving(bundle.path) as address, _browser.launched(executable) as browser:
            page = browser.new_page()
            page.goto(address)
            took = page.evaluate(_ASK, {"side": bundle.contract.input.side, "times": _WARM_UP + _TIMES})
    except Error as cause:
        what = cause.message.splitlines()[0]
        raise VerifyError(f"the browser could not run the page: {what}", fix="run `pagesight doctor`") from cause
    return float(median(took[_WARM_UP:]))
