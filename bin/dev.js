#!/usr/bin/env -S node --import tsx
// The command line from src, for development: node --import tsx bin/dev.js
import { execute, Plugin, settings } from '@oclif/core';

// tsx compiles; oclif's own transpiling does not know TypeScript 7
settings.enableAutoTranspile = false;
process.env.BERT_COMPRESS_DEV = '1';
const root = new URL('..', import.meta.url).pathname;
const { default: pkg } = await import('../package.json', { with: { type: 'json' } });
const pjson = { ...pkg, oclif: { ...pkg.oclif, commands: './src/commands' } };
// a build leaves oclif.manifest.json, which leads to dist; only a plugin that is given can be told to ignore it
const plugin = new Plugin({ root, pjson, isRoot: true, type: 'core', ignoreManifest: true });
await plugin.load();
await execute({ dir: import.meta.url, loadOptions: { root, pjson, plugins: [plugin] } });
