// A page whose script does not come, is refused or breaks says so at once, in the words that lie in its markup.

/** styles/head.css shows the words by this class, and hides by it what would wait for ever. */
export const sayNotStarted = () => document.documentElement.classList.add("not-started");

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
