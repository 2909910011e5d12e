// Where the page's own bundle lies.

/** Address of the bundle's folder, ending in '/'. */
export const home = new URL(".", import.meta.url).href;
