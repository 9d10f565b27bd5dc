import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { missing } from "../support/requirements.ts";
import { createWorld, type World } from "../support/world.ts";

const reason = missing("dig", "npm");
const root = fileURLToPath(new URL("../../", import.meta.url));

/** The shell blocks of the README, in order. */
const blocks = [...readFileSync(`${root}README.md`, "utf8").matchAll(/```sh\n(.*?)```/gs)].map(
  ([, text]) => text!,
);

describe.skipIf(reason)(`the README${reason === undefined ? "" : ` (${reason})`}`, () => {
  let world: World;

  beforeAll(() => {
    world = createWorld();
  });

  afterAll(async () => {
    await world.destroy();
  });

  /** Runs a script in the checkout as if the machine were its own: private network, /run and /tmp. */
  async function shell(script: string): Promise<string> {
    // The checkout may itself be under /tmp.
    const own = `set -e
mount -t tmpfs none /run
mkdir /run/checkout
mount --bind ${root} /run/checkout
mount -t tmpfs none /tmp
cd /run/checkout
`;
    const args = ["--mount", "--propagation", "private", "sh", "-c", own + script];
    const { stdout, stderr, status } = await world.host.run("unshare", args, { timeoutMs: 120_000 });
    expect(stderr).not.toMatch(/Cannot|remedy/);
    expect(status, `${stdout}${stderr}`).toBe(0);
    return stdout;
  }

  const stop = `kill $(bin/eleven status --json | sed 's/.*"pid":\\([0-9]*\\).*/\\1/'); wait`;

  test("npm start serves the example, and the commands beside it answer", async () => {
    const [start, commands] = blocks;
    expect(start).toBe("npm start\n");
    const stdout = await shell(`${start?.trim()} >/tmp/banner &
until grep -q try /tmp/banner; do :; done\ncat /tmp/banner\n${commands}${stop}`);
    expect(stdout).toMatch(/listening\s+127\.0\.0\.1:5311/);
    expect(stdout).toMatch(/try\s+dig @127\.0\.0\.1 -p 5311 \S+/);
    expect(stdout).toMatch(/^web\.shop\. 5 IN A 10\.\d+\.\d+\.\d+$/m);
    expect(stdout).toMatch(/^shop\s+web\s+alias/m);
    expect(stdout).toMatch(/added\s+shop\s+web/);
    expect(stdout).toMatch(/web\.shop\.\s+5\s+IN\s+A/);
  }, 120_000);

  test("127.0.0.11 is answered in a namespace made by hand", async () => {
    const stdout = await shell(`${blocks[2]}${stop}`);
    expect(stdout).toContain("10.5.0.2\n");
  }, 120_000);
});
