// The oldest browsers that a page works in: package.json's browserslist, and what they need of styles.

/**
 * @param {string[]} browserslist "chrome >= 109" and the like
 * @returns {Record<string, string>} versions by browser
 */
export function floorOf(browserslist) {
  return Object.fromEntries(
    browserslist.map((entry) => {
      const found = /^(\w+) >= ([\d.]+)$/.exec(entry);
      if (!found) throw new Error(`package.json: browserslist has ${entry}, and only "BROWSER >= VERSION" is read`);
      return [found[1], found[2]];
    }),
  );
}

/**
 * Colors that custom properties choose with light-dark(), once more for browsers without it.
 * @param {string} css minified
 * @returns {string}
 */
export function withFallbacks(css) {
  const pairs = [...css.matchAll(/(--[\w-]+):\s*light-dark\((#\w+|\w+),\s*(#\w+|\w+)\)/g)];
  const root = (/** @type {number} */ which) => `:root{${pairs.map((pair) => `${pair[1]}:${pair[which]}`).join(";")}}`;
  const fallback = `${root(2)}@media (prefers-color-scheme: dark){${root(3)}}`;
  return `${css.trimEnd()}@supports not (color: light-dark(red,red)){${fallback}}\n`;
}

/**
 * A selector that a browser does not know takes every other one of its list with it, but inside of :is() and :where().
 * @param {string} css
 */
export function checkSelectors(css) {
  for (const [, selectors] of css.matchAll(/([^{};]+)\{/g)) {
    let flat = selectors;
    for (let before = ""; before !== flat;) {
      before = flat;
      flat = flat.replace(/:(?:is|where)\([^()]*\)|(?<!:(?:is|where|has|not))\([^()]*\)/g, "");
      flat = flat.replace(/:(has|not)\([^()]*\)/g, (_, name) => (name === "has" ? "\u0001" : ""));
    }
    if (flat.includes("\u0001") && flat.includes(",")) {
      throw new Error(`styles: Firefox 115 has no :has(), and drops all of ${selectors}: give it a rule of its own`);
    }
  }
}
