// Loaded only where crypto.subtle is missing.
import { sha256 } from "@noble/hashes/sha2.js";

/** @param {Uint8Array} bytes @returns {Uint8Array} 32 bytes */
export const digest = (bytes) => sha256(bytes);
