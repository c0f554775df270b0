// Makes so many passes with passkit-generator, each its own, from the folder that bench/passes.py has written; prints
// the CPU seconds of this process for them, start-up left out, and leaves the last pass behind.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PKPass } from "passkit-generator";

const [folder, count] = process.argv.slice(2);
const files = Object.fromEntries(
  readdirSync(join(folder, "files"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(join(folder, "files").length + 1))
    .map((name) => [name, readFileSync(join(folder, "files", name))]),
);
const read = (name) => readFileSync(join(folder, name), "utf8");
const certificates = { wwdr: read("wwdr.pem"), signerCert: read("pass.pem"), signerKey: read("key.pem") };
const documents = JSON.parse(read("documents.json"));

const make = (document) => new PKPass({ ...files, "pass.json": Buffer.from(document) }, certificates).getAsBuffer();

make(documents[0]);
const start = process.cpuUsage();
let last;
for (let number = 0; number < Number(count); number++) last = make(documents[number % documents.length]);
const { user, system } = process.cpuUsage(start);
writeFileSync(join(folder, "theirs.pkpass"), last);
console.log((user + system) / 1e6);
