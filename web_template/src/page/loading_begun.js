// What startup.js began: page.js is given this in the place of loading.js.
export const { loading, onProgress } = globalThis.pagesightLoading;
