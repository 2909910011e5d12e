// A digest as people and files write it.

/** @param {Uint8Array} bytes @returns {string} two lower-case hexadecimal digits for each */
export const hexOf = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
