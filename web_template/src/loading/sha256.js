// SHA-256 of bytes, wherever the page is served from.
import { hexOf } from "./hex.js";

/**
 * @param {ArrayBuffer | Uint8Array<ArrayBuffer>} bytes
 * @returns {Promise<string>} 64 lower-case hexadecimal digits
 */
export async function sha256(bytes) {
  const digest = crypto.subtle ? new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)) : await fallback(bytes);
  return hexOf(digest);
}

/**
 * Browsers keep crypto.subtle from plain http pages of a local network, where classrooms serve bundles.
 * @param {ArrayBuffer | Uint8Array<ArrayBuffer>} bytes
 */
async function fallback(bytes) {
  const { digest } = await import("./sha256_fallback.js");
  return digest(bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes);
}
