import { execFileSync } from "node:child_process";
import { has } from "../../test/support/requirements.ts";
import { type Peer, PORT, server } from "./peer.ts";

/** With local data, and one thread, as is its default. */
export const unbound: Peer = {
  name: "unbound",
  missing: () => (has("unbound") ? undefined : "needs unbound (Debian: unbound)"),
  version: () =>
    /Version (\S+)/.exec(execFileSync("unbound", ["-V"], { encoding: "utf8" }))?.[1] ?? "unknown",
  async start(place, { address, zone, upstreams = [], cacheBytes }) {
    const forward = `forward-zone:
  name: "."
${upstreams.map((upstream) => `  forward-addr: ${upstream}\n`).join("")}`;
    // Half for messages and half for their records, as in its defaults.
    const half = cacheBytes && Math.floor(cacheBytes / 2);
    const cache = half ? `  msg-cache-size: ${half}\n  rrset-cache-size: ${half}\n` : "";
    const path = place.write(
      "unbound.conf",
      `server:
  interface: ${address}
  port: ${PORT}
  access-control: 127.0.0.0/8 allow
  access-control: 10.0.0.0/8 allow
  do-not-query-localhost: no
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "${place.folder}"
  pidfile: ""
  use-syslog: no
  logfile: /dev/null
  module-config: "iterator"
${cache}${zone.map((host) => `  local-data: "${host.name}. 5 IN A ${host.address}"\n`).join("")}remote-control:
  control-enable: no
${upstreams.length === 0 ? "" : forward}`,
    );
    return server("unbound", place, address, ["unbound", "-d", "-c", path]);
  },
};
