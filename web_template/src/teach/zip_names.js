// Names in zips, as those who made the zips meant them.

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * A path with '/' between folders, whatever Windows (backslashes) or macOS (UTF-8 that does not say so) wrote.
 * @param {string} name as fflate gives it: one character a byte where the zip does not say that it is UTF-8
 */
export function meantName(name) {
  return decoded(name)
    .replaceAll("\\", "/")
    .split("/")
    .filter((part) => !["", ".", ".."].includes(part))
    .join("/");
}

/** @param {string} name */
function decoded(name) {
  const codes = Array.from(name, (sign) => sign.codePointAt(0) ?? 0);
  if (!codes.some((code) => code > 127) || codes.some((code) => code > 255)) return name;
  try {
    return utf8.decode(Uint8Array.from(codes));
  } catch {
    return name;
  }
}
