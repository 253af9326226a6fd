// Compiles src/math/kernels/kernels.wat into src/math/kernels/wasm.ts: node scripts/kernels.js
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import wabt from 'wabt';

const folder = fileURLToPath(new URL('../src/math/kernels/', import.meta.url));

/** The module's bytes. */
export async function compileKernels() {
  const { parseWat } = await wabt();
  return parseWat('kernels.wat', readFileSync(`${folder}kernels.wat`, 'utf8'), { simd: true }).toBinary({}).buffer;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const lines = Buffer.from(await compileKernels())
    .toString('base64')
    .match(/.{1,100}/g);
  const text = `// Made by scripts/kernels.js from kernels.wat.\n\n/** The compiled module, base64. */\nexport const wasm =\n${lines.map((line) => `  '${line}'`).join(' +\n')};\n`;
  writeFileSync(`${folder}wasm.ts`, text);
}
