import { expect, test } from "vitest";
import type { Config } from "../config/schema.ts";
import { hostDialer } from "../upstream/dialer.ts";
import { nodeLocalSelection } from "./upstreams.ts";

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
