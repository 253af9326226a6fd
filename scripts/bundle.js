// Bundles src into a folder: the library, the command line, and each command.
import { readdirSync } from 'node:fs';
import { build } from 'esbuild';

const root = new URL('..', import.meta.url);

/** @returns the files that went in, relative to the repository */
export async function bundle(outdir) {
  const commands = readdirSync(new URL('src/commands', root)).map((file) => `src/commands/${file}`);
  const { metafile } = await build({
    absWorkingDir: root.pathname,
    entryPoints: ['src/index.ts', 'src/cli/run.ts', ...commands],
    outbase: 'src',
    outdir,
    bundle: true,
    splitting: true,
    metafile: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    // native; and it finds its own files by where it lies
    external: ['onnxruntime-node'],
    // CommonJS packages in the bundle call require()
    banner: {
      js: "import { createRequire as makeRequire } from 'node:module';\nconst require = makeRequire(import.meta.url);",
    },
  });
  return Object.keys(metafile.inputs);
}
