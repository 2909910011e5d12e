// The way to the panel that collects from phones: `pagesight serve --share` has it, and gives it to its own machine alone.

/**
 * @param {string} base address of the bundle's folder
 * @param {import("../collect/panel.js").Lesson} lesson
 * @returns {Promise<import("../collect/panel.js").Panel | undefined>} undefined where this page is served any other way
 */
export async function openCollecting(base, lesson) {
  try {
    // The server says by a cookie that it is there: a page elsewhere asks for nothing. A sandboxed frame may not even look.
    if (!document.cookie.includes(`pagesight-collect-${location.port}=`)) return undefined;
    /** @type {typeof import("../collect/panel.js")} */
    const { Panel } = await import(new URL("collect/panel.js", base).href);
    return await Panel.open(base, lesson);
  } catch {
    return undefined; // another server is at this address by now
  }
}
