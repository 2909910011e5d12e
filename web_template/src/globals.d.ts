// What build.js puts into the scripts.
declare const ELEMENT_WORDS: Record<string, import("./api/element_words.js").ElementWords>;
// What startup.js leaves for page.js.
declare var pagesightLoading: Pick<typeof import("./page/loading.js"), "loading" | "onProgress">;
// What newer browsers have, and TypeScript does not know yet.
interface Uint8ArrayConstructor {
  fromHex?(code: string): Uint8Array<ArrayBuffer>;
}
