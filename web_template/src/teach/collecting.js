// The way to the panel that collects from phones: `pagesight serve --share` has it, and gives it to its own machine alone.

/**
 * The server says by a cookie that it is there, with the key that makes this page the teacher's: any answer brings its present one.
 * @returns {string | undefined} throws in a sandboxed frame, which may not even look
 */
export function teachersKey() {
  const { port, protocol } = location;
  const name = `pagesight-collect-${port || (protocol === "https:" ? 443 : 80)}`;
  return new RegExp(`(?:^|; )${name}=([^;]+)`).exec(document.cookie)?.[1];
}

/**
 * @param {string} base address of the bundle's folder
 * @param {import("../collect/panel.js").Lesson} lesson
 * @returns {Promise<import("../collect/panel.js").Panel | undefined>} undefined where this page is served any other way
 */
export async function openCollecting(base, lesson) {
  try {
    // A page elsewhere asks for nothing.
    if (teachersKey() === undefined) return undefined;
    /** @type {typeof import("../collect/panel.js")} */
    const { Panel } = await import(new URL("collect/panel.js", base).href);
    return await Panel.open(base, lesson);
  } catch {
    return undefined; // another server is at this address by now
  }
}
