// What of a bundle's scripts others wrote, and under which terms: THIRD_PARTY.txt lies in every bundle.
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";

/** What is compiled into a binary, where no bundler sees it. */
const COMPILED = `\
Compiled into tfjs-backend-wasm-simd.wasm, as @tensorflow/tfjs-backend-wasm ships it: XNNPACK and its dependencies cpuinfo, FP16, FXdiv and
pthreadpool (Facebook, Inc., Georgia Institute of Technology, Google LLC; BSD 2-Clause and 3-Clause, MIT), and the libraries of Emscripten (MIT).
Their sources and terms: github.com/google/XNNPACK, github.com/emscripten-core/emscripten.

Compiled into the kernels in worker.js: the standard library of AssemblyScript (Apache-2.0).`;

const MIT = `\
Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the
"Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish,
distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the
following conditions: The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software. THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY
CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE
SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;

/** @param {string} license */
function termsOf(license) {
  if (license === "MIT") return MIT;
  if (license === "Apache-2.0") return "The Apache License 2.0 stands at the end of this file.";
  throw new Error(`the text of ${license} is missing`);
}

/**
 * @param {string[]} inputs of all scripts, as esbuild names them
 * @param {string} modules the folder of packages
 * @param {string} apache the text of the Apache License 2.0
 * @returns {Promise<string>}
 */
export async function thirdParty(inputs, modules, apache) {
  const names = inputs.map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(path)?.[1] ?? "");
  const sections = [COMPILED];
  for (const name of [...new Set(names)].filter(Boolean).sort()) {
    const folder = join(modules, name);
    const { version, license, author } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    if (!license) throw new Error(`${name} does not say under which license it is`);
    const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file)).sort();
    const terms = await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")));
    // Some packages name their license and leave its text out.
    if (!terms.length) terms.push(`Copyright: ${author?.name ?? author ?? "its authors"}.\n\n${termsOf(license)}`);
    sections.push([`${name} ${version} (${license})`, ...terms.map((text) => text.trim())].join("\n\n"));
  }
  sections.push(apache.trim());
  return `${sections.join(`\n\n${"-".repeat(80)}\n\n`)}\n`;
}
