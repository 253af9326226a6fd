// Before the tests: the command line of this very source, bundled once, so that a test that runs it does not compile it anew.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundle } from '../../scripts/bundle.js';

const root = new URL('../../', import.meta.url);

/** Where `cli` finds it; git ignores it. */
export const bundled = fileURLToPath(new URL('.test-dist/', root));

export default async function setup(): Promise<void> {
  await bundle(bundled);
  const manifest = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { oclif: object };
  const own = {
    ...manifest,
    exports: { './package.json': './package.json' },
    oclif: { ...manifest.oclif, commands: './commands' },
  };
  mkdirSync(bundled, { recursive: true });
  writeFileSync(`${bundled}package.json`, JSON.stringify(own));
}
