// Writes what every bundle shares: ../build/web_template/static/ (copied verbatim to a bundle's root) and page/ (templates).
import { main as compile } from "assemblyscript/asc";
import { build } from "esbuild";
import { cp, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { TILES } from "./kernels/tiles.js";
import { MARKS, PLAIN, RELAXED, filled } from "./src/wasm/instructions.js";
import { checkSelectors, floorOf, withFallbacks } from "./floor.js";
import { thirdParty } from "./third_party.js";
import { LEAN_OPS } from "./src/tfjs/lean_op_names.js";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "build", "web_template");
const modules = join(here, "node_modules", "@tensorflow");
const { browserslist } = JSON.parse(await readFile(join(here, "package.json"), "utf8"));
const FLOOR = floorOf(browserslist);
const target = Object.entries(FLOOR).map(([browser, version]) => browser + version);

const WASM = "tfjs-backend-wasm-simd.wasm";

/** Executor categories that MobileNets need; the op lists of the others are left out of the lean worker. */
const LEAN_CATEGORIES = [
  "arithmetic",
  "basic_math",
  "convolution",
  "graph",
  "matrices",
  "normalization",
  "reduction",
  "slice_join",
  "transformation",
];

/**
 * Points the stock TF.js sources at small replacements, so that they stay stock and the bundle small.
 * @param {"wasm" | "webgl" | "webgpu"} [backend] keep only the ops in src/tfjs/lean_ops.js, with this backend's kernels
 * @returns {import("esbuild").Plugin}
 */
function trim(backend) {
  const local = (/** @type {string} */ name) => ({ path: join(here, "src", "tfjs", name) });
  return {
    name: "trim-tfjs",
    setup(plugin) {
      // The threaded binary is not shipped (it was never seen to run more than one thread), nor is the code that starts it.
      plugin.onResolve({ filter: /wasm-out\/tfjs-backend-wasm-threaded-simd/ }, () => local("no_threads.js"));
      // The stock loader fetches the binary itself; ours gives it one that has been checked.
      plugin.onResolve({ filter: /wasm-out\/tfjs-backend-wasm\.js$/ }, ({ importer }) =>
        importer.includes("backend_wasm.js") ? local("wasm_factory.js") : undefined,
      );
      if (!backend) return;
      const kind = backend === "wasm" ? "wasm" : "gpu";
      plugin.onResolve({ filter: /^@tensorflow\/tfjs-core$/ }, () =>
        local(kind === "gpu" ? "gpu_core.js" : "lean_core.js"),
      );
      plugin.onResolve({ filter: /^tfjs-backend\// }, ({ path }) =>
        backend === "webgl" && path.endsWith("/FusedBatchNorm.js")
          ? local("webgl_batch_norm.js")
          : { path: join(modules, path.replace("tfjs-backend", `tfjs-backend-${backend}`)) },
      );
      plugin.onResolve({ filter: /tfjs-core\/dist\/ops\/ops_for_converter$/ }, () => local("lean_ops.js"));
      plugin.onResolve({ filter: /(?:^\.|kernel_utils)\/shared$/ }, () => local(`${kind}_shared.js`));
      plugin.onResolve({ filter: /\.\/(op_list\/\w+|executors\/\w+_executor)$/ }, ({ path }) => {
        const category = path.replace(/^.*\//, "").replace("_executor", "");
        return LEAN_CATEGORIES.includes(category) ? undefined : local("no_ops.js");
      });
    },
  };
}

/**
 * Leaves imports out: these modules lie beside this one in every bundle.
 * @param {Record<string, string>} modules their names there, by their names in the source
 * @returns {import("esbuild").Plugin}
 */
const beside = (modules) => ({
  name: "beside",
  setup: (plugin) =>
    plugin.onResolve({ filter: /^\.\.?\// }, ({ path }) =>
      path in modules ? { path: modules[path], external: true } : undefined,
    ),
});
const IN_PACKAGE = beside({
  "../pagesight.js": "../pagesight.js",
  "../element.js": "../pagesight-element.js",
  "./index.js": "./index.js",
  "./files.js": "./files.js",
  "./packed.js": "./packed.js",
  "./element.js": "./element.js",
});

/** Loaded only where a graphics card is tried: a file of its own, wherever it is asked for. */
const gpuApart = beside({ "../worker/gpu.js": "./gpu.js" });

/** Gives the page's script what index.html began to load before. @type {import("esbuild").Plugin} */
const begun = {
  name: "begun",
  setup: (plugin) =>
    plugin.onResolve({ filter: /\/loading\.js$/ }, () => ({ path: join(here, "src", "page", "loading_begun.js") })),
};

/** Puts what teaches into the page's own script. @type {import("esbuild").Plugin} */
const teachInside = {
  name: "teach-inside",
  setup: (plugin) =>
    plugin.onResolve({ filter: /\/teach_script\.js$/ }, () => ({
      path: join(here, "src", "teach", "script_inside.js"),
    })),
};

/**
 * Makes sure that a · b + c comes out of the kernels with either instructions for it: the compiler does not know what those that it
 * sees stand for, and may turn their operands round.
 * @param {string} code in hexadecimal digits
 */
function checkKernels(code) {
  const places = MARKS.map((mark) => [...code.matchAll(mark)].map(({ index }) => index));
  if (places[0].length !== places[1].length || places.flat().some((digit) => digit % 2)) {
    throw new Error(
      "the kernels hold a constant that src/wasm/instructions.js would take for one of its MARKS: change one",
    );
  }
  for (const instructions of [PLAIN, RELAXED]) {
    const bytes = filled(code, instructions);
    // Node knows relaxed SIMD only from version 21 on.
    if (instructions === RELAXED && !WebAssembly.validate(bytes)) continue;
    const memory = new WebAssembly.Memory({ initial: 1 });
    const { gemm, rowsPerTile } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } }).exports;
    rowsPerTile.value = instructions.rowsPerTile;
    const floats = new Float32Array(memory.buffer);
    // A panel of biases and weights, and eleven rows of one value: gemm() takes six, four and one of them, or fours and ones.
    floats.fill(5, 256, 264).fill(3, 264, 272).fill(2, 512, 523);
    gemm(2048, 4, 1024, 0, 4096, 4, 11, 1, 1, -Infinity, Infinity);
    const wrong = floats.subarray(1024, 1035).find((value) => value !== 11);
    if (wrong !== undefined) {
      throw new Error(
        `the kernels answer 2 · 3 + 5 with ${wrong}: has the compiler turned the operands of madd() in kernels/simd.ts?`,
      );
    }
  }
}

/**
 * Compiles kernels/ for `import code from "kernels:wasm"`: in hexadecimal digits, which gzip makes smaller than base64, since
 * equal bytes look equal.
 * @type {import("esbuild").Plugin}
 */
const kernels = {
  name: "kernels",
  setup(plugin) {
    plugin.onResolve({ filter: /^kernels:/ }, ({ path }) => ({ path, namespace: "kernels" }));
    plugin.onLoad({ filter: /./, namespace: "kernels" }, async () => {
      let contents = "";
      const options = ["-O3", "--enable", "simd", "--noAssert", "--runtime", "stub", "--importMemory"];
      const { error, stderr } = await compile(
        ["index.ts", "--outFile", "out.wasm", "--baseDir", join(here, "kernels"), ...options],
        {
          readFile: (name, folder) =>
            name === "tiles.ts" ? TILES : readFile(join(folder, name), "utf8").catch(() => null),
          writeFile: (_, bytes) => void (contents = Buffer.from(bytes).toString("hex")),
        },
      );
      if (error) throw new Error(`${error.message}\n${stderr}`);
      checkKernels(contents);
      return { contents, loader: "text" };
    });
  },
};

/**
 * Gives a script that was built before as a text: `import code from "built:worker.js"`.
 * @type {import("esbuild").Plugin}
 */
const built = {
  name: "built",
  setup(plugin) {
    plugin.onResolve({ filter: /^built:/ }, ({ path }) => ({ path, namespace: "built" }));
    plugin.onLoad({ filter: /./, namespace: "built" }, async ({ path }) => ({
      contents: await readFile(join(out, "static", path.replace("built:", "")), "utf8"),
      loader: "text",
    }));
  },
};

/** What src/api/element_words.js is given: the few words of the element out of all catalogues. */
async function elementWords() {
  const titles = (/** @type {Record<string, { title: string }>} */ messages) =>
    Object.fromEntries(Object.entries(messages).map(([name, { title }]) => [name, title]));
  const languages = (await readdir(join(here, "words"))).map(async (file) => {
    const { direction, element, page } = JSON.parse(await readFile(join(here, "words", file), "utf8"));
    const hedge = { probably: page.probably, perhaps: page.perhaps, notSureEnough: page.notSureEnough };
    const failures = { ...titles(page.failures), ...titles(page.camera), picture: page.noPicture.title };
    return [
      basename(file, ".json"),
      { language: basename(file, ".json"), direction, ...element, camera: page.useCamera, failures, ...hedge },
    ];
  });
  return Object.fromEntries(await Promise.all(languages));
}
const ELEMENT_WORDS = JSON.stringify(await elementWords());

/** What all scripts are made of. @type {Set<string>} */
const inputs = new Set();

/** @param {string} entry @param {import("esbuild").BuildOptions} [more] */
async function bundle(entry, more) {
  const made = await build({
    entryPoints: { [basename(entry)]: join(here, "src", `${entry}.js`) },
    outdir: join(out, "static"),
    bundle: true,
    minify: true,
    format: "esm",
    target,
    legalComments: "none",
    define: { "process.env.NODE_ENV": '"production"', ELEMENT_WORDS, FLOOR: JSON.stringify(FLOOR) },
    // These are loaded where they are needed. Emscripten and TF.js mention node's modules behind checks that are
    // false in a browser.
    external: [
      "./sha256_fallback.js",
      "fs",
      "path",
      "os",
      "crypto",
      "util",
      "string_decoder",
      "worker_threads",
      "perf_hooks",
      "react",
    ],
    metafile: true,
    logLevel: "warning",
    ...more,
    plugins: [gpuApart, ...(more?.plugins ?? [])],
  });
  for (const path of Object.keys(made.metafile?.inputs ?? {})) inputs.add(path);
  return made;
}

/** @param {string[]} paths of what is written into a page as it is: nothing in it may end its element early */
async function checkInline(...paths) {
  for (const path of paths) {
    const found = /<\/(script|style)|<!--/i.exec(await readFile(path, "utf8"));
    if (found) throw new Error(`${path} holds ${found[0]}, and cannot lie in a page`);
  }
}

await rm(out, { recursive: true, force: true });
await mkdir(join(out, "static"), { recursive: true });
await bundle("worker/worker", { plugins: [kernels] });
// page.js stands alone: its integrity is in index.html, and a chunk's would not be.
await bundle("page/page", { plugins: [begun] });
await bundle("page/startup", {
  outdir: join(out, "page"),
  format: "iife",
  define: { "import.meta.url": "document.baseURI" },
  plugins: [built],
});
await bundle("api/pagesight", { plugins: [built] });
await bundle("loading/sha256_fallback");
await bundle("worker/gpu");
// It lies in every bundle, too: a page that was taught is written as one file with it.
await bundle("page/single", { outdir: join(out, "single"), plugins: [built, teachInside] });
await bundle("api/element", {
  entryNames: "pagesight-[name]",
  plugins: [beside({ "./pagesight.js": "./pagesight.js" })],
});
for (const entry of ["api/npm/index", "api/npm/inline", "api/npm/element", "api/npm/react"]) {
  await bundle(entry, { outdir: join(out, "npm"), plugins: [IN_PACKAGE] });
}
// Not in a bundle: `pagesight serve --share` gives these out itself.
const collect = join(here, "src", "collect");
await bundle("collect/phone", { outdir: join(out, "collect") });
await bundle("collect/panel", { outdir: join(out, "collect") });
await build({
  entryPoints: [join(collect, "phone.css"), join(collect, "panel.css")],
  outdir: join(out, "collect"),
  bundle: true,
  minify: true,
  logLevel: "warning",
});
await cp(join(collect, "phone.html"), join(out, "collect", "phone.html"));
await bundle("teach/teach");
await bundle("teach/teach_worker");
const lean = await bundle("worker/worker_lean", { plugins: [kernels, trim("wasm")] });
await bundle("worker/worker_all", { plugins: [kernels, trim()] });
await bundle("worker/worker_webgl", { plugins: [kernels, trim("webgl")] });
await bundle("worker/worker_webgpu", { plugins: [kernels, trim("webgpu")] });
await bundle("../sw/sw", { format: "iife" });
// Not for pages: `pagesight convert` runs TF.js models made elsewhere in it.
await bundle("tfjs/original", { outdir: join(out, "original"), format: "iife" });
await cp(join(here, "original"), join(out, "original"), { recursive: true });
await build({
  entryPoints: [join(here, "style.css")],
  outdir: join(out, "static"),
  bundle: true,
  minify: true,
  target,
  logLevel: "warning",
});
const style = join(out, "static", "style.css");
await writeFile(style, withFallbacks(await readFile(style, "utf8")));
checkSelectors(await readFile(style, "utf8"));
// The binary without SIMD is for browsers older than 2021 to 2023: it is not shipped, and the page tells them so.
await cp(join(modules, "tfjs-backend-wasm", "wasm-out", WASM), join(out, "static", WASM));
await cp(join(out, "single", "single.js"), join(out, "static", "single.js"));
await cp(join(here, "static"), join(out, "static"), { recursive: true });
await cp(join(here, "page"), join(out, "page"), { recursive: true });
await checkInline(join(out, "page", "startup.js"), join(out, "static", "style.css"));
await cp(join(here, "words"), join(out, "words"), { recursive: true });
await cp(join(here, "src", "api", "pagesight.d.ts"), join(out, "static", "pagesight.d.ts"));
for (const types of ["index.d.ts", "react.d.ts"]) {
  await cp(join(here, "src", "api", "npm", types), join(out, "npm", types));
}
const apache = await readFile(join(here, "..", "LICENSE"), "utf8");
const notices = await thirdParty([...inputs], join(here, "node_modules"), apache);
await writeFile(join(out, "static", "THIRD_PARTY.txt"), notices);
// `pagesight bundle` ships worker_all.js only with a graph that has other ops than these.
await writeFile(join(out, "runtime.json"), `${JSON.stringify({ ops: [...LEAN_OPS] }, null, 1)}\n`);
if (process.argv.includes("--analyze")) await writeFile(join(out, "meta.json"), JSON.stringify(lean.metafile));
