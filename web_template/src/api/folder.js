// Where this module lies, and where a bundle does. No `new URL("…", import.meta.url)`: bundlers take that for a file to copy.

/** The folder of this module, ending in '/'. */
export const here = import.meta.url.replace(/[?#].*$/, "").replace(/[^/]*$/, "");

/**
 * @param {string | URL} base a folder, with or without '/' at its end, or a file in it; what has a dot in its name is a file
 * @returns {string} the folder's address, ending in '/'
 */
export function folderOf(base) {
  const address = new URL(base, globalThis.document?.baseURI ?? globalThis.location?.href);
  const name = address.pathname.slice(address.pathname.lastIndexOf("/") + 1);
  if (name && !name.includes(".")) address.pathname += "/";
  address.search = address.hash = "";
  return address.href.replace(/[^/]*$/, "");
}
