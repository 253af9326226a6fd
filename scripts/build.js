// Build: bundle src into dist (start-up opens ten files instead of five hundred), write declarations, the licences of
// what is bundled, the reports' JSON Schemas, and oclif's manifest, which lets --help answer without loading a command.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { bundle } from './bundle.js';
import { bundledLicences } from './licences.js';

const root = new URL('..', import.meta.url);
const write = (name, text) => writeFileSync(new URL(name, root), text);

rmSync(new URL('dist', root), { recursive: true, force: true });
const inputs = await bundle(new URL('dist/', root).pathname);
write('dist/THIRD-PARTY.txt', bundledLicences(root, inputs));
execFileSync(
  process.execPath,
  [new URL('node_modules/typescript/bin/tsc', root).pathname, '-p', 'tsconfig.json', '--emitDeclarationOnly'],
  { cwd: root, stdio: 'inherit' },
);

const { z } = await import('zod');
const { reportSchema } = await import('../src/report/schema.ts');
const { inspectSchema } = await import('../src/inspect/schema.ts');
mkdirSync(new URL('schema', root), { recursive: true });
for (const [name, schema] of Object.entries({ report: reportSchema, inspect: inspectSchema })) {
  write(`schema/${name}.schema.json`, `${JSON.stringify(z.toJSONSchema(schema), null, 2)}\n`);
}

const { Plugin } = await import('@oclif/core');
const plugin = new Plugin({
  root: root.pathname,
  type: 'core',
  ignoreManifest: true,
  errorOnManifestCreate: true,
  respectNoCacheDefault: true,
});
await plugin.load();
write('oclif.manifest.json', `${JSON.stringify(plugin.manifest, null, 2)}\n`);
