// What build.js puts into the scripts.
/** The oldest browsers: "chrome", "firefox", "safari". */
declare const FLOOR: Record<string, string>;
declare const ELEMENT_WORDS: Record<string, import("./api/element_words.js").ElementWords>;
// What startup.js leaves for page.js.
declare var pagesightLoading: Pick<typeof import("./page/loading.js"), "loading" | "onProgress">;
// What newer browsers have, and TypeScript does not know yet.
interface Uint8ArrayConstructor {
  fromHex?(code: string): Uint8Array<ArrayBuffer>;
}

// What src/api/npm/react.js takes of React, which whoever uses it has installed.
declare module "react" {
  export function createElement(type: string, props: Record<string, unknown>): unknown;
  export function useEffect(effect: () => void | (() => void), dependencies: unknown[]): void;
  export function useRef<T>(value: T): { current: T };
  export function useState<T>(value: T): [T, (value: T) => void];
}
