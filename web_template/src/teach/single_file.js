// The taught page as one HTML file that a double click opens, as `pagesight build --single-file` writes it; and back.
import { unpack } from "../loading/inlined_files.js";
import { NOT_INLINED } from "../loading/bundle_files.js";
import { sha256 } from "../loading/sha256.js";
import { MOST_BYTES, TOO_MUCH } from "./limits.js";
import { SINGLE } from "./model_zip.js";

/** @typedef {import("./archive.js").Files} Files */

const text = (/** @type {Uint8Array} */ bytes) => new TextDecoder().decode(bytes);
const binary = (/** @type {Uint8Array} */ bytes) => {
  let letters = "";
  for (let at = 0; at < bytes.length; at += 0x8000) letters += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(letters);
};

/**
 * @param {Files} files a bundle's folder
 * @returns {Promise<string>} the file
 */
export async function singleFile(files) {
  const page = new DOMParser().parseFromString(text(files["index.html"]), "text/html");
  const { [SINGLE]: code, ...rest } = files;
  if (!code) throw new Error(`${SINGLE} is missing`);
  page.documentElement.setAttribute("data-single", "");
  for (const link of page.querySelectorAll("link")) inlineLink(link, rest);
  for (const script of page.querySelectorAll("script[src], script#boot, script#carried")) script.remove();
  for (const script of page.querySelectorAll("script[type=module]")) script.remove();
  for (const image of page.querySelectorAll("img[src]")) {
    image.setAttribute("data-carried", image.getAttribute("src") ?? "");
    for (const name of ["src", "crossorigin"]) image.removeAttribute(name);
  }
  const carried = page.createElement("script");
  carried.id = "carried";
  carried.type = "application/octet-stream";
  carried.textContent = await pack(rest);
  const own = page.createElement("script");
  own.type = "module";
  own.textContent = text(code);
  page.body.append(carried, own);
  const policy = page.querySelector('meta[http-equiv="Content-Security-Policy"]');
  policy?.setAttribute("content", await policyOf(page));
  return `<!doctype html>\n${page.documentElement.outerHTML}\n`;
}

/**
 * @param {string} html
 * @returns {Promise<Files | undefined>} undefined where the page carries none
 */
export async function carriedFiles(html) {
  const carrier = new DOMParser().parseFromString(html, "text/html").getElementById("carried");
  if (!carrier?.textContent) return undefined;
  const limit = atMost(MOST_BYTES);
  const blobs = await unpack(carrier.textContent, limit.stream).catch((error) => {
    // Some browsers say of a stream that broke off only that it did.
    throw limit.isExceeded() ? new Error(TOO_MUCH) : error;
  });
  const rows = Object.entries(blobs).map(async ([path, blob]) => [path, new Uint8Array(await blob.arrayBuffer())]);
  return Object.fromEntries(await Promise.all(rows));
}

/**
 * @param {number} most
 * @returns {{ stream: TransformStream<Uint8Array, Uint8Array>, isExceeded: () => boolean }} the stream fails where more bytes come
 */
function atMost(most) {
  let sum = 0;
  /** @type {TransformStream<Uint8Array, Uint8Array>} */
  const stream = new TransformStream({
    transform(chunk, controller) {
      sum += chunk.byteLength;
      if (sum > most) throw new Error(TOO_MUCH);
      controller.enqueue(chunk);
    },
  });
  return { stream, isExceeded: () => sum > most };
}

/** @param {Element} link @param {Files} files */
function inlineLink(link, files) {
  const kinds = (link.getAttribute("rel") ?? "").split(/\s+/);
  const bytes = files[(link.getAttribute("href") ?? "").replace(/\?.*/, "")];
  if (kinds.includes("stylesheet") && bytes) {
    const style = link.ownerDocument.createElement("style");
    style.textContent = inlineAddresses(text(bytes), files);
    link.replaceWith(style);
  } else if (kinds.includes("icon") && bytes) {
    link.setAttribute("href", dataUrl(link.getAttribute("type") ?? "image/png", bytes));
  } else if (!(link.getAttribute("href") ?? "").startsWith("data:")) {
    link.remove();
  }
}

/** @param {string} type @param {Uint8Array} bytes */
const dataUrl = (type, bytes) => `data:${type};base64,${binary(bytes)}`;

/** @param {string} style @param {Files} files */
const inlineAddresses = (style, files) =>
  style.replace(/url\(\s*(['"]?)(?!data:|#)([^'")]+)\1\s*\)/g, (whole, _, path) =>
    files[path]
      ? `url("${dataUrl(/\.svg$/.test(path) ? "image/svg+xml" : "application/octet-stream", files[path])}")`
      : whole,
  );

/** As inlined_files.js takes it apart. @param {Files} files */
async function pack(files) {
  const kept = Object.entries(files).filter(([path]) => !NOT_INLINED.test(path));
  const table = new TextEncoder().encode(JSON.stringify(kept.map(([path, bytes]) => [path, bytes.length])));
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, table.length);
  const whole = new Blob([length, table, ...kept.map(([, bytes]) => bytes)]);
  const packed = new Response(whole.stream().pipeThrough(new CompressionStream("gzip")));
  return binary(new Uint8Array(await packed.arrayBuffer()));
}

/** These scripts, these styles, a worker made from what is carried, and no request. @param {Document} page */
async function policyOf(page) {
  const sources = async (/** @type {string} */ selector) => {
    const hashes = [...page.querySelectorAll(selector)].map(async ({ textContent }) => {
      const digest = await sha256(new TextEncoder().encode(textContent ?? ""));
      return `'sha256-${binary(Uint8Array.from(digest.match(/../g) ?? [], (byte) => parseInt(byte, 16)))}'`;
    });
    return (await Promise.all(hashes)).join(" ");
  };
  return (
    `default-src 'none'; script-src ${await sources("script[type=module]")} 'wasm-unsafe-eval'; ` +
    `style-src ${await sources("style")}; worker-src blob:; img-src blob: data:; media-src blob:; font-src data:; ` +
    "base-uri 'none'; form-action 'none'"
  );
}
