import { afterAll, describe, expect, it } from "vitest";
import { systemClock } from "../base/clock.ts";
import { silentLog } from "../base/log.ts";
import { namespaceFixture, openDescriptors, skipped, whyNot } from "../linux/namespace-fixture.suite.ts";
import { attachments } from "./attachments.ts";
import { ask, echoServe } from "./attachments-world.suite.ts";

/** 200 and more by hand: `ELEVEN_SCALE=200`. */
const COUNT = Number(process.env.ELEVEN_SCALE ?? 50);

describe.skipIf(whyNot !== undefined)(`attachments of many containers${skipped}`, () => {
  const namespaces = namespaceFixture();
  afterAll(namespaces.cleanup, 60_000);

  it(`attach ${COUNT}, answer in each, and leave no descriptor behind`, { timeout: 60_000 }, async () => {
    const paths = Array.from({ length: COUNT }, () => namespaces.add());
    const wanted = new Map(paths.map((netns, i) => [`file/web-${i}`, { name: `web-${i}`, netns }]));
    const serve = echoServe();
    const attached = attachments({ clock: systemClock, log: silentLog, serve });
    // Its first watch gives libuv an inotify descriptor, which it keeps.
    attached.reconcile(new Map([["file/none", { name: "none", netns: "/run/netns/el-t-none" }]]));
    const before = { descriptors: openDescriptors(), rss: process.memoryUsage.rss() };

    const attachMs = timed(() => attached.reconcile(wanted));
    const recheckMs = timed(() => attached.recheck());
    const during = { descriptors: openDescriptors(), rss: process.memoryUsage.rss() };
    expect(attached.status().filter(({ state }) => state === "attached")).toHaveLength(COUNT);
    // Each a namespace, a UDP and a TCP socket, the lifeline, and the netlink socket that owns the table.
    expect(during.descriptors - before.descriptors).toBe(5 * COUNT);
    for (const [i, path] of paths.entries()) {
      expect(await ask(path)).toEqual({ udp: `file/web-${i}`, tcp: `file/web-${i}` });
    }

    const start = performance.now();
    await attached.close();
    const closeMs = performance.now() - start;
    await expect.poll(openDescriptors).toBe(before.descriptors);
    process.stdout.write(
      `${COUNT} namespaces: attached in ${attachMs.toFixed(1)} ms, rechecked in ${recheckMs.toFixed(1)} ms, ` +
        `handed back in ${closeMs.toFixed(1)} ms; ${during.descriptors - before.descriptors} descriptors, ` +
        `RSS ${mib(before.rss)} -> ${mib(during.rss)} MiB\n`,
    );
  });
});

function timed(fn: () => void): number {
  const start = performance.now();
  fn();
  return performance.now() - start;
}

function mib(octets: number): string {
  return (octets / 1024 / 1024).toFixed(1);
}
