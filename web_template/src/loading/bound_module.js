// A module that the browser itself compares with a hash: what import() gives afterwards is that one, from wherever it was fetched.
import { PagesightError } from "../errors.js";
import { fetchFile } from "./files.js";

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
    script.onerror = () => {
      script.remove();
      const file = address.replace(/.*\//, "");
      // The browser does not say whether it did not arrive or is another one: fetching it does.
      const reason = new PagesightError("unreachable", `${file} could not be loaded`, file);
      fetchFile(address, file, sha256).then(() => reject(reason), reject);
    };
    document.head.append(script);
  });
  return import(address);
}
