// All files of a bundle in one text: base64 of gzip of a table (JSON, its length in four bytes before it) and the bytes.

/** Browsers tell pictures apart by their bytes, but for this one. @type {Record<string, string>} */
const TYPES = { svg: "image/svg+xml" };

/**
 * @param {string} text
 * @param {TransformStream<Uint8Array, Uint8Array>} [limit] what the unpacked bytes pass
 * @returns {Promise<Record<string, Blob>>} by path in the bundle
 */
export async function unpack(text, limit) {
  const packed = Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const bytes = new Uint8Array(await new Response(limit ? stream.pipeThrough(limit) : stream).arrayBuffer());
  const tableEnd = 4 + new DataView(bytes.buffer).getUint32(0);
  /** @type {[string, number][]} path and length, in the order of the bytes */
  const table = JSON.parse(new TextDecoder().decode(bytes.subarray(4, tableEnd)));
  /** @type {Record<string, Blob>} */
  const files = {};
  let at = tableEnd;
  for (const [path, length] of table) {
    const type = TYPES[path.replace(/.*\./, "")] ?? "";
    files[path] = new Blob([bytes.subarray(at, at + length)], { type });
    at += length;
  }
  return files;
}
