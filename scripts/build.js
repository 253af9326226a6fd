// Build: compile src to dist, write the report's JSON Schema, and oclif's manifest, which lets --help answer without loading a command.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';

const root = new URL('..', import.meta.url);
const run = (bin, ...args) =>
  execFileSync(process.execPath, [new URL(`node_modules/${bin}`, root).pathname, ...args], {
    cwd: root,
    stdio: 'inherit',
  });

rmSync(new URL('dist', root), { recursive: true, force: true });
run('typescript/bin/tsc', '-p', 'tsconfig.json');

const { z } = await import('zod');
const { reportSchema } = await import(new URL('dist/report/schema.js', root).href);
const { inspectSchema } = await import(new URL('dist/inspect/schema.js', root).href);
mkdirSync(new URL('schema', root), { recursive: true });
for (const [name, schema] of Object.entries({ report: reportSchema, inspect: inspectSchema })) {
  writeFileSync(new URL(`schema/${name}.schema.json`, root), `${JSON.stringify(z.toJSONSchema(schema), null, 2)}\n`);
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
writeFileSync(new URL('oclif.manifest.json', root), `${JSON.stringify(plugin.manifest, null, 2)}\n`);
