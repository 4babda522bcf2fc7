// Parses a document with AsyncAPI's own parser: node parse.mjs FILE. Prints its findings; exits with 1 for errors.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(path.join(process.cwd(), "package.json"));
const { Parser } = require("@asyncapi/parser");

const { document, diagnostics } = await new Parser().parse(await readFile(process.argv[2], "utf8"));
const errors = diagnostics.filter((diagnostic) => diagnostic.severity === 0);
for (const { severity, code, message, path: where } of diagnostics) {
  console.log(`${severity} ${code} ${where.join(".")}: ${message}`);
}
if (document) {
  console.log(`version ${document.version()}, ${document.channels().length} channels, ${document.operations().length} operations`);
}
process.exit(errors.length || !document ? 1 : 0);
