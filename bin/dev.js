#!/usr/bin/env -S node --import tsx
// The command line from src, for development: node --import tsx bin/dev.js
import { fileURLToPath } from 'node:url';
import { execute, Plugin, settings } from '@oclif/core';

// tsx compiles; oclif's own transpiling does not know TypeScript 7
settings.enableAutoTranspile = false;
process.env.BERT_COMPRESS_DEV = '1';
const root = fileURLToPath(new URL('..', import.meta.url));
const { default: pkg } = await import('../package.json', { with: { type: 'json' } });
const pjson = { ...pkg, oclif: { ...pkg.oclif, commands: './src/commands' } };
// given ready made: oclif itself reads the manifest of an earlier build, and with it dist
const plugin = new Plugin({ root, pjson, type: 'core', isRoot: true, ignoreManifest: true });
await plugin.load();
await execute({ dir: import.meta.url, loadOptions: { root, pjson, plugins: new Map([[plugin.name, plugin]]) } });
