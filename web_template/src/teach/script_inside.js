// The way to teach.js in a page that carries everything in itself; stands in for teach_script.js there.

/** @returns {Promise<typeof import("./teach.js")>} */
export const teachScript = () => import("./teach.js");
