// A page whose script does not come, is refused or breaks says so at once, in the words that lie in its markup.

/** styles/head.css shows the words by these classes, and hides by them what would wait for ever. */
export function sayNotStarted() {
  const { classList } = document.documentElement;
  classList.add("not-started");
  // A frame's sandbox takes a page's origin away, and with it the right to its own files; one from a disk has none either.
  classList.toggle("sandboxed", self.origin === "null" && location.protocol !== "file:");
}

/** Called before the page's script is asked for. @param {string} script its address */
export function sayWhenLost(script) {
  addEventListener(
    "error",
    (event) => {
      // Where it is refused or not found, its element is told; where it is not understood or breaks, the window is.
      const { target } = event;
      const lost = target instanceof HTMLScriptElement ? target.src : event.filename;
      // Its address names its version, too.
      if (lost?.replace(/\?.*/, "") === script && !hasStarted()) sayNotStarted();
    },
    true,
  );
}

/** The page's script takes the words away once all of the page stands. */
const hasStarted = () => document.readyState !== "loading" && !document.getElementById("not-started");
