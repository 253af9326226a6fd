// The slow suite: runs over real models in ../shared, one file at a time, and skips where they are missing.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/real/**/*.test.ts'],
    globalSetup: 'test/support/bundle-cli.ts',
    setupFiles: 'test/support/clean-temp.ts',
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 600_000,
  },
});
