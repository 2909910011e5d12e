// The way to teach.js in a bundle's folder.
import { importBound } from "../loading/bound_module.js";
import { fetchPublished } from "../loading/files.js";
import { home } from "./home.js";

const SCRIPT = "teach.js";

/**
 * @param {import("../loading/files.js").PublishedFiles} files from contract.json
 * @returns {Promise<typeof import("../teach/teach.js")>}
 */
export async function teachScript(files) {
  // Where the cache holds an earlier version, this brings the present one.
  await fetchPublished(home, files, SCRIPT);
  return importBound(new URL(SCRIPT, home).href, files[SCRIPT].sha256);
}
