import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Real parts run in tests: disks, child processes, a compiler. A loaded machine must not fail them.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    globalSetup: ['test/build.ts'],
    pool: 'forks',
    maxWorkers: 2,
  },
});
