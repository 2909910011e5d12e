// The examples as folders named after their classes: what `pagesight build` takes; and back.
import { MOST_CLASSES, TOO_MUCH } from "./limits.js";
import { extension } from "./model_zip.js";

/**
 * @typedef {import("./archive.js").Files} Files
 * @typedef {import("./teaching_session.js").TeachingSession} TeachingSession
 */

const PICTURE = /\.(jpe?g|png|webp|gif|bmp|avif)$/i;
const TYPES = {
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  png: "image/png",
  webp: "image/webp",
  gif: "image/gif",
  bmp: "image/bmp",
  avif: "image/avif",
};

/** @param {TeachingSession} session @returns {Promise<Files>} */
export async function samplesFiles(session) {
  /** @type {Files} */
  const files = {};
  const taken = new Set();
  for (const one of session.classes) {
    const folder = unlike(folderName(one.name), taken);
    for (const [number, { picture }] of session.of(one).entries()) {
      const name = `${String(number + 1).padStart(4, "0")}.${extension(picture)}`;
      files[`${folder}/${name}`] = new Uint8Array(await picture.arrayBuffer());
    }
  }
  return files;
}

/**
 * @param {Files} files
 * @returns {Map<string, Blob[]>} pictures by class: the folder that each lies in
 */
export function readSamples(files) {
  const found = readProject(files) ?? readFolders(files);
  if (found.size > MOST_CLASSES) throw new Error(TOO_MUCH);
  return found;
}

/** @param {Files} files @returns {Map<string, Blob[]>} */
function readFolders(files) {
  /** @type {Map<string, Blob[]>} */
  const found = new Map();
  for (const path of Object.keys(files).sort()) {
    // Teachable Machine's project has no folders, and calls a picture `Class 1-!-0.webp`.
    const folder = path.split("/").at(-2) ?? (path.includes("-!-") ? path.split("-!-")[0] : undefined);
    if (!folder || !PICTURE.test(path)) continue;
    found.set(folder, [...(found.get(folder) ?? []), pictureOf(files, path)]);
  }
  return found;
}

/** @param {Files} files @param {string} path */
function pictureOf(files, path) {
  const kind = /** @type {keyof typeof TYPES} */ (path.replace(/.*\./, "").toLowerCase());
  return new Blob([files[path]], { type: TYPES[kind] ?? "" });
}

/**
 * A project of GenAI Teachable Machine: metadata.json with the labels, and samples/CLASS_NUMBER.png.
 * @param {Files} files
 * @returns {Map<string, Blob[]> | undefined} undefined where it is none
 */
function readProject(files) {
  const samples = Object.keys(files).filter((path) => /^samples\/\d+_\d+\.\w+$/.test(path));
  if (!files["metadata.json"] || !samples.length) return undefined;
  /** @type {{ labels?: string[] }} */
  const { labels = [] } = JSON.parse(new TextDecoder().decode(files["metadata.json"]));
  /** @type {Map<string, Blob[]>} */
  const found = new Map();
  for (const path of samples.sort()) {
    const name = labels[Number(/\/(\d+)_/.exec(path)?.[1])];
    if (name) found.set(name, [...(found.get(name) ?? []), pictureOf(files, path)]);
  }
  return found;
}

/** A name that every file system takes. @param {string} name */
const folderName = (name) =>
  name
    .replace(/[<>:"/\\|?*\u0000-\u001f]/g, "_")
    .replace(/^\.+|[. ]+$/g, "_")
    .trim() || "_";

/** @param {string} name @param {Set<string>} taken lower-cased, as some file systems compare */
function unlike(name, taken) {
  let found = name;
  for (let n = 2; taken.has(found.toLowerCase()); n++) found = `${name} (${n})`;
  taken.add(found.toLowerCase());
  return found;
}
