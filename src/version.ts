// This package's version, from its package.json.
import { createRequire } from 'node:module';

// by its own name: the same from src and from any file of the bundle
const manifest: unknown = createRequire(import.meta.url)('bert-compress/package.json');

export const version: string =
  typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : '';
