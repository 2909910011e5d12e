// What the page remembers on this device from one visit to the next: small choices, and no more.

const PREFIX = "pagesight:";

/** @param {string} key @returns {string | undefined} undefined also where the browser keeps nothing */
export function recall(key) {
  try {
    return localStorage.getItem(PREFIX + key) ?? undefined;
  } catch {
    return undefined;
  }
}

/** @param {string} key @param {string | undefined} value undefined: forget it */
export function remember(key, value) {
  try {
    if (value === undefined) localStorage.removeItem(PREFIX + key);
    else localStorage.setItem(PREFIX + key, value);
  } catch {
    // A private window may keep nothing: then the choice is made again.
  }
}
