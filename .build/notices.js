import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * Writes who made what was bundled, and under which licence.
 * @param {{ file: string, inputs: string[] }} options `inputs`: paths of modules
 */
export async function writeNotices({ file, inputs }) {
  const folders = new Set(
    inputs.flatMap(
      (input) => /^.*node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+/.exec(input)?.[0] ?? [],
    ),
  );
  const notices = await Promise.all([...folders].sort().map((folder) => toNotice(folder)));
  const head = "The files of this folder contain these packages, in whole or in part.\n";
  await writeFile(file, [head, ...notices].join(`\n${"-".repeat(72)}\n\n`));
}

/** @param {string} folder */
async function toNotice(folder) {
  const { name, version, license } = JSON.parse(
    await readFile(join(folder, "package.json"), "utf8"),
  );
  const found = (await readdir(folder)).filter((one) => /^(licen[cs]e|notice)/i.test(one)).sort();
  const texts = await Promise.all(found.map((one) => readFile(join(folder, one), "utf8")));
  return `${name} ${version} (${license})\n\n${texts.map((text) => text.trim()).join("\n\n")}\n`;
}
