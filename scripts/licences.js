// The licence texts of the packages a bundle contains.
import { readdirSync, readFileSync } from 'node:fs';

/** Name, version, licence and licence text of each package that `inputs` (paths from `root`) come from. */
export function bundledLicences(root, inputs) {
  const folders = new Set(
    inputs.map((path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]).filter(Boolean),
  );
  const parts = [...folders].toSorted().map((folder) => {
    const at = new URL(`${folder}/`, root);
    const { name, version, license } = JSON.parse(readFileSync(new URL('package.json', at), 'utf8'));
    if (!license) throw new Error(`${name}@${version} is bundled and names no licence`);
    const texts = readdirSync(at).filter((file) => /^(licen[cs]e|notice)/i.test(file));
    return [
      `${name} ${version}, ${license}`,
      ...texts.map((file) => readFileSync(new URL(file, at), 'utf8').trim()),
    ].join('\n\n');
  });
  return `Packages bundled into these files.\n\n${parts.join(`\n\n${'-'.repeat(78)}\n\n`)}\n`;
}
