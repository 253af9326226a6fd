#!/usr/bin/env -S node --import tsx
// The command line from src, for development: node --import tsx bin/dev.js
import { execute, settings } from '@oclif/core';

// tsx compiles; oclif's own transpiling does not know TypeScript 7
settings.enableAutoTranspile = false;
process.env.BERT_COMPRESS_DEV = '1';
const root = new URL('..', import.meta.url);
const { default: pkg } = await import('../package.json', { with: { type: 'json' } });
await execute({
  dir: import.meta.url,
  loadOptions: {
    root: root.pathname,
    ignoreManifest: true,
    pjson: { ...pkg, oclif: { ...pkg.oclif, commands: './src/commands' } },
  },
});
