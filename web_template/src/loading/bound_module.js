// A module that the browser itself compares with a hash: what import() gives afterwards is that one, from wherever it was fetched.
import { PagesightError } from "../errors.js";

/**
 * @param {string} address
 * @param {string} sha256 64 hexadecimal digits
 * @returns {Promise<any>}
 */
export async function importBound(address, sha256) {
  const script = document.createElement("script");
  script.type = "module";
  script.integrity = `sha256-${btoa(sha256.replace(/../g, (byte) => String.fromCharCode(parseInt(byte, 16))))}`;
  script.src = address;
  await new Promise((resolve, reject) => {
    script.onload = resolve;
    const file = address.replace(/.*\//, "");
    script.onerror = () => reject(new PagesightError("tampered", `${file} is not the file that was published`, file));
    document.head.append(script);
  });
  return import(address);
}
