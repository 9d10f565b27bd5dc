import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { controlClient } from "../../src/api/client.ts";
import type { DoctorProgress } from "../../src/api/control.ts";
import { doctor } from "../support/doctor.ts";
import { type Eleven, startEleven } from "../support/eleven.ts";
import { missing } from "../support/requirements.ts";
import { createWorld, type World } from "../support/world.ts";

const reason = missing("script");

describe.skipIf(reason)(`the command doctor${reason === undefined ? "" : ` (${reason})`}`, () => {
  let world: World;
  let eleven: Eleven;

  beforeAll(async () => {
    world = createWorld();
    world.write("shop.yaml", "networks: { shop: {} }\ncontainers: {}\n");
    const path = world.write("resolv.conf", "# nobody\n");
    eleven = await startEleven(world, `listen: []\nsources: [{ file: shop.yaml }]\nresolvConf: ${path}\n`);
  });

  afterAll(async () => {
    await eleven?.stop();
    await world?.destroy();
  });

  test("tells findings with their remedy, then what was not looked at and why; exits with 1", async () => {
    const { status, stdout, stderr } = await eleven.command("doctor");
    expect(status).toBe(1);
    expect(stdout).toMatch(
      /^error no-upstream: .*resolv\.conf\n {2}No name outside .*\n(?: {2}.*\n)* {2}remedy: /m,
    );
    expect(stdout).toContain("skipped stale-alias: no source knows a container");
    // There is no terminal to show progress on.
    expect(stderr).toBe("");
  });

  test("tells every check once, in --json as well as on the way", async () => {
    const { checks, findings } = await doctor(eleven);
    expect(findings).toMatchObject([{ code: "no-upstream", severity: "error", remedy: expect.any(String) }]);
    expect(checks).toContainEqual({ code: "no-upstream", state: "found", reason: null });
    const progress: DoctorProgress[] = [];
    const client = controlClient(eleven.socket);
    const report = await client.doctor((each) => progress.push(each));
    expect(progress.map(({ checked }) => checked.code).sort()).toEqual(checks.map(({ code }) => code).sort());
    expect(progress.every(({ of }) => of === checks.length)).toBe(true);
    expect(report.checks).toEqual(checks);
  });

  test("names each container that it can't look into, with the reason, beside those that it can", async () => {
    const { netns } = world.container("web-1", {});
    const { revision } = await eleven.status();
    world.write(
      "shop.yaml",
      `networks: { shop: {} }
containers:
  web-1: { netns: ${netns}, networks: { shop: { ipv4: 10.5.0.2 } } }
${gone(1)}
  stopped-1: { networks: { shop: {} } }
`,
    );
    await eleven.revisionAfter(revision);
    const { entered, notEntered } = await doctor(eleven);
    expect(entered).toBe(1);
    expect(notEntered).toEqual([
      { container: "gone-1", reason: expect.stringContaining("/run/netns/eleven-nowhere") },
    ]);
    const { stdout } = await eleven.command("doctor");
    expect(stdout).toMatch(
      /checks of 1 container in .*\nnot looked into gone-1: .*\/run\/netns\/eleven-nowhere/,
    );
    expect(stdout).not.toContain("stopped-1");
    expect(stdout).not.toContain("--json");
  });

  test("names ten of them in its text, and all in --json", async () => {
    const { revision } = await eleven.status();
    const twelve = Array.from({ length: 12 }, (_, index) => gone(index + 1));
    world.write("shop.yaml", `networks: { shop: {} }\ncontainers:\n${twelve.join("\n")}\n`);
    await eleven.revisionAfter(revision);
    expect((await doctor(eleven)).notEntered).toHaveLength(12);
    const { stdout } = await eleven.command("doctor");
    expect(stdout.match(/^not looked into gone-/gm)).toHaveLength(10);
    expect(stdout).toContain("\nnor into 2 more, which --json names\n");
  });

  test("shows progress on a terminal, and wipes it", async () => {
    const command = `${process.execPath} bin/eleven doctor --socket ${eleven.socket}`;
    const { stdout } = await world.host.run("script", ["-qec", command, "/dev/null"]);
    expect(stdout).toMatch(/looking \.\.\. \d+ of \d+ checks done/);
    const left = stdout.split("\r\u{1b}[K").at(-1);
    expect(left).toContain("no-upstream");
    expect(left).not.toContain("looking");
  });

  test("without a daemon says so, and exits with 3", async () => {
    const { status, stderr } = await world.host.run(process.execPath, [
      ...["bin/eleven", "doctor", "--socket", "/nowhere/eleven.sock"],
    ]);
    expect(status).toBe(3);
    expect(stderr).toContain("remedy:");
  });
});

/** A line of the file source: a container that has gone without the source's knowing. */
function gone(nth: number): string {
  return `  gone-${nth}: { netns: /run/netns/eleven-nowhere, networks: { shop: { ipv4: 10.5.0.${nth + 2} } } }`;
}
