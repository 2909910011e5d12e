// Offline after the first visit. One worker holds one version: its address names the version (sw.js?v=SHA256 of
// manifest.json), and it takes over only when every file of that version is in its cache and checked. A page is
// therefore never given files of two versions. What few visitors need, for graphics cards and to make a page of one file, is kept when it is fetched on a visit
// after the first.
import { MAY_BE_MISSING, NOT_SERVED, ON_DEMAND } from "../src/loading/bundle_files.js";
import { hexOf } from "../src/loading/hex.js";

/** @type {ServiceWorkerGlobalScope} */
const worker = /** @type {any} */ (self);
const version = new URL(worker.location.href).searchParams.get("v") ?? "";
const prefix = `pagesight:${worker.registration.scope}:`;
const cacheName = prefix + version;

worker.addEventListener("install", (event) => event.waitUntil(install()));
worker.addEventListener("activate", (event) => event.waitUntil(dropOtherVersions()));
worker.addEventListener("message", (event) => {
  if (event.data === "take over") worker.skipWaiting();
});
worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  // 'no-store' is how the page looks past this cache, for a newer manifest.json.
  if (request.method !== "GET" || request.cache === "no-store" || !url.href.startsWith(worker.registration.scope))
    return;
  // What `pagesight serve --share` answers itself is never the same twice.
  if (url.pathname.startsWith(new URL("collect/", worker.registration.scope).pathname)) return;
  event.respondWith(answer(request));
});

async function install() {
  const manifest = /** @type {Response} */ (await get("manifest.json", version));
  /** @type {{ files: Record<string, { sha256: string }> }} */
  const { files } = await manifest.clone().json();
  const cache = await caches.open(cacheName);
  const wanted = Object.entries(files).filter(([path]) => !NOT_SERVED.test(path) && !ON_DEMAND.test(path));
  const put = async (/** @type {string} */ path, /** @type {string} */ sha256) => {
    const response = await get(path, sha256);
    if (response) await cache.put(encodePath(path), response);
  };
  await Promise.all(wanted.map(([path, { sha256 }]) => put(path, sha256)));
  await cache.put("manifest.json", manifest);
}

/**
 * @param {string} path
 * @param {string} expected sha256, hexadecimal
 * @returns {Promise<Response | undefined>} undefined for what may be missing, and is
 */
async function get(path, expected) {
  for (const cache of /** @type {RequestCache[]} */ (["default", "reload"])) {
    const response = await fetch(encodePath(path), { cache });
    if (response.status === 404 && MAY_BE_MISSING.test(path)) return undefined;
    if (!response.ok) throw new Error(`${path}: the server answered ${response.status}`);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await response.clone().arrayBuffer()));
    const found = hexOf(digest);
    // A redirected response may not answer a navigation: keep its body and type alone.
    if (found === expected) return response.redirected ? unredirected(response) : response;
  }
  throw new Error(`${path} is not the file of this version`);
}

/** @param {Response} response */
const unredirected = async (response) =>
  new Response(await response.arrayBuffer(), {
    headers: { "Content-Type": response.headers.get("Content-Type") ?? "" },
  });

/** @param {string} path */
const encodePath = (path) => path.split("/").map(encodeURIComponent).join("/");

async function dropOtherVersions() {
  const names = await caches.keys();
  await Promise.all(
    names.filter((name) => name.startsWith(prefix) && name !== cacheName).map((name) => caches.delete(name)),
  );
}

/** @param {Request} request */
async function answer(request) {
  const cache = await caches.open(cacheName);
  const path = new URL(request.url).pathname.slice(new URL(worker.registration.scope).pathname.length);
  const found = await cache.match(path === "" ? "index.html" : request, {
    ignoreSearch: true,
    // Hosts that convert pictures by what a browser accepts say so in Vary; what lies here was checked.
    ignoreVary: true,
  });
  return found ?? (ON_DEMAND.test(path) ? keep(cache, path) : fetch(request));
}

/** @param {Cache} cache @param {string} path */
async function keep(cache, path) {
  const manifest = await cache.match("manifest.json");
  /** @type {{ files: Record<string, { sha256: string }> }} */
  const { files } = (await manifest?.json()) ?? { files: {} };
  const response = /** @type {Response} */ (await get(path, files[path]?.sha256));
  // Without room for it, it is fetched again next time.
  await cache.put(path, response.clone()).catch(() => {});
  return response;
}
