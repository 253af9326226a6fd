// The quick suite: everything that needs nothing but this repository.
import { configDefaults, defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, 'test/real/**'],
    // processes, not threads: onnxruntime-node is a native module, and the files are few
    globalSetup: 'test/support/bundle-cli.ts',
    pool: 'forks',
    // a process keeps its modules from file to file: loading them anew for each took a sixth of the suite's processor time.
    // So nothing in test/support may keep a folder or a state of one file for the next
    isolate: false,
    unstubEnvs: true,
    setupFiles: 'test/support/clean-temp.ts',
    maxWorkers: 2,
    testTimeout: 20_000,
  },
});
