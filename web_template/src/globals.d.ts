// What build.js puts into the scripts.
declare const ELEMENT_WORDS: Record<string, import("./element_words.js").ElementWords>;
