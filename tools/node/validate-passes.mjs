// Reads folders of unpacked passes by passkit-generator, another maker's idea of what Wallet takes, and prints what it
// refuses: {"folder": ["its words", …]}, folders without faults left out. Usage: node validate-passes.mjs FOLDER
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { PKPass } from "passkit-generator";

const root = process.argv[2];
const refused = {};
let said = [];
// It warns of what it leaves out, and throws only for some of it.
console.warn = (...words) => said.push(words.join(" "));

const filesOf = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .map((path) => [path.slice(folder.length + 1), readFileSync(path)]);

for (const name of readdirSync(root)) {
  said = [];
  try {
    const pass = new PKPass(Object.fromEntries(filesOf(join(root, name))));
    if (pass.type === undefined) said.push("has no type");
  } catch (error) {
    said.push(String(error));
  }
  if (said.length) refused[name] = said;
}
process.stdout.write(JSON.stringify(refused));
