// What an opened file may hold: more is no set of examples and no model that a browser holds.
export const MOST_CLASSES = 200;
export const MOST_FILES = 10_000;
export const MOST_BYTES = 512 << 20;
/** What shrinks so well is no picture; up to some size anything may. */
export const MOST_RATIO = 200;
export const ANY_RATIO_BYTES = 32 << 20;
/** The message of the error where there is more; the page has words for it. */
export const TOO_MUCH = "it unpacks to more than a page takes";
