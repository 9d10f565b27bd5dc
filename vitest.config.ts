import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "quick",
          include: ["src/**/*.test.ts", "test/repo/**/*.test.ts"],
          // What guards against costs that grow with the square; a busy machine may take its time for the rest.
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          globalSetup: "test/support/build.ts",
          // Each file makes its own namespaces; two at a time is what a small machine bears.
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 120_000,
          // What is waited for is not how long it takes: a machine may be busy, and whole programs are run meanwhile.
          expect: { poll: { timeout: 10_000 } },
        },
      },
    ],
  },
});
