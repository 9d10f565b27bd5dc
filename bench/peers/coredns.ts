import { execFileSync } from "node:child_process";
import { has } from "../../test/support/requirements.ts";
import { type Peer, PORT, server } from "./peer.ts";

/** With its hosts plugin. */
export const coredns: Peer = {
  name: "CoreDNS",
  missing: () => (has("coredns") ? undefined : "needs coredns on the PATH (Debian has no package of it)"),
  version: () =>
    /CoreDNS-(\S+)/.exec(execFileSync("coredns", ["-version"], { encoding: "utf8" }))?.[1] ?? "unknown",
  async start(place, { address, zone, upstreams = [] }) {
    const hosts = place.write("coredns.hosts", zone.map((host) => `${host.address} ${host.name}\n`).join(""));
    // With a cache, as the others have one.
    const forwarding = upstreams.length === 0 ? "" : `  cache\n  forward . ${upstreams.join(" ")}\n`;
    const corefile = place.write(
      "Corefile",
      `.:${PORT} {\n  bind ${address}\n  hosts ${hosts} {\n    ttl 5\n    fallthrough\n  }\n${forwarding}}\n`,
    );
    return server("CoreDNS", place, address, ["coredns", "-conf", corefile]);
  },
};
