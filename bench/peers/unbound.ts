import { execFileSync } from "node:child_process";
import { join } from "node:path";
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
    const cache = half
      ? `  msg-cache-size: ${half}\n  rrset-cache-size: ${half}\n  extended-statistics: yes\n`
      : "";
    const path = place.write(
      `unbound-${address}.conf`,
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
  control-enable: yes
  control-use-cert: no
  control-interface: ${join(place.folder, `unbound-${address}.sock`)}
${upstreams.length === 0 ? "" : forward}`,
    );
    async function cacheOctets(): Promise<number> {
      const { stdout } = await place.run("unbound-control", ["-c", path, "stats_noreset"]);
      const taken = [...stdout.matchAll(/^mem\.cache\.(?:rrset|message)=(\d+)$/gm)];
      if (taken.length !== 2) throw new Error(`unbound-control does not tell of the caches: ${stdout}`);
      return taken.reduce((sum, [, octets]) => sum + Number(octets), 0);
    }
    return { ...server("unbound", place, address, ["unbound", "-d", "-c", path]), cacheOctets };
  },
};
