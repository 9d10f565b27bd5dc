import { expect, test } from "vitest";
import type { Config } from "../config/schema.ts";
import type { Container } from "../registry/model.ts";
import { hostDialer } from "../upstream/dialer.ts";
import { fakeClock } from "../upstream/fake-clock.suite.ts";
import { health, serverKey } from "../upstream/health.ts";
import type { HostResolvConf } from "../upstream/host-resolv-conf.ts";
import { loops } from "../upstream/loops.ts";
import { silenceMemory } from "../upstream/silence.ts";
import { dialing } from "./dialing.ts";
import { upstreamReport } from "./reports.ts";
import { allServers, isListener, nodeLocalSelection, ownSelection } from "./upstreams.ts";

test("with forceTcp the same servers are the same objects each time, and keep a transport of their own", () => {
  const servers = [
    { address: "192.0.2.1", port: 53 },
    { address: "192.0.2.2", port: 853, transport: "tls" },
  ] as const;
  const config = { nodeLocal: { upstreams: servers, forceTcp: true } } as unknown as Config;
  const host = { servers: [], dialer: hostDialer, why: "test" };
  const first = nodeLocalSelection(config, host);
  expect(first.servers.map(({ transport }) => transport)).toEqual(["tcp", "tls"]);
  expect(nodeLocalSelection(config, host).servers).toBe(first.servers);
});

const server = { address: "127.0.0.1", port: 5311 };

/** A container that asks `server`. */
function asking(name: string, source: string): Container {
  return { key: `${source}/${name}`, name, netns: "/run/netns/none", upstreams: [server], endpoints: [] };
}

test("a container called `host` shares nothing with the host, and containers of one name nothing with each other", () => {
  const dial = dialing(() => undefined);
  const dialers = [
    dial.host,
    ...[asking("host", "file:a"), asking("web", "file:a"), asking("web", "file:b")].map(
      (container) => ownSelection(container, dial).dialer,
    ),
  ];
  expect(new Set(dialers.map(({ scope }) => serverKey(scope, server))).size).toBe(4);
  expect(dialers.map(({ scope }) => isListener(scope, server, ["127.0.0.1:5311"]))).toEqual([
    true,
    false,
    false,
    false,
  ]);
});

test("a server is reported with the names of those who ask it, once for each of them and with their own health", () => {
  const clock = fakeClock();
  const known = {
    health: health({ clock }),
    silence: silenceMemory({ clock }),
    loops: loops({ clock, isOurs: () => false, onFound: () => {} }),
  };
  const containers = [asking("host", "file:a"), asking("web", "file:a"), asking("web", "file:b")];
  const config = { upstreams: [server], fallbackUpstreams: [], domains: new Map() } as unknown as Config;
  const { dialer } = ownSelection(
    containers[1]!,
    dialing(() => undefined),
  );
  known.health.failed(serverKey(dialer.scope, server), "test");
  const all = allServers(config, {} as HostResolvConf, () => false, containers);
  expect(
    all
      .map((each) => upstreamReport(each, known))
      .map(({ scope, sandbox, state }) => [scope, sandbox, state]),
  ).toEqual([
    ["host", null, "unknown"],
    ["host", "file:a/host", "unknown"],
    ["web", "file:a/web", "down"],
    ["web", "file:b/web", "unknown"],
  ]);
});
