import { readdirSync } from "node:fs";
import { expect } from "vitest";
import { describeFlows } from "./dialer.suite.ts";
import { hostDialer } from "./dialer.ts";

const isLinux = process.platform === "linux";
const descriptors = (): number => (isLinux ? readdirSync("/proc/self/fd").length : 0);

describeFlows("Node", async () => {
  const before = descriptors();
  return {
    dialer: hostDialer,
    // One more is the test's own server.
    idle: () => expect.poll(descriptors).toBeLessThanOrEqual(before + 1),
    async close() {},
  };
});
