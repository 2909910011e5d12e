// The way to teach.js in a bundle's folder.
import { fetchPublished } from "../loading/files.js";
import { home } from "./home.js";

const SCRIPT = "teach.js";

/**
 * @param {import("../loading/files.js").PublishedFiles} files from contract.json
 * @returns {Promise<typeof import("../teach/teach.js")>}
 */
export async function teachScript(files) {
  // Fills the cache with checked bytes: what is imported next is what was published.
  await fetchPublished(home, files, SCRIPT);
  return import(new URL(SCRIPT, home).href);
}
