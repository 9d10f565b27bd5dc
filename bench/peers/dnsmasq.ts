import { execFileSync } from "node:child_process";
import { has } from "../../test/support/requirements.ts";
import { type Peer, PORT, server } from "./peer.ts";

/** As every dnsmasq here is started: alone, and with what it is told only. */
export const DNSMASQ = [
  "dnsmasq",
  "--keep-in-foreground",
  "--user=root",
  "--conf-file=/dev/null",
  "--pid-file=",
  "--log-facility=/dev/null",
  "--no-resolv",
  "--no-hosts",
  "--bind-interfaces",
  `--port=${PORT}`,
];

/** With a hosts file. */
export const dnsmasq: Peer = {
  name: "dnsmasq",
  missing: () => (has("dnsmasq") ? undefined : "needs dnsmasq (Debian: dnsmasq-base)"),
  version: () =>
    /version (\S+)/.exec(execFileSync("dnsmasq", ["--version"], { encoding: "utf8" }))?.[1] ?? "unknown",
  async start(place, { address, zone, upstreams = [] }) {
    const file = place.write("dnsmasq.hosts", zone.map((host) => `${host.address} ${host.name}\n`).join(""));
    const servers = upstreams.map((upstream) => `--server=${upstream}`);
    const forwarding =
      servers.length === 0 ? [] : [...servers, "--cache-size=10000", "--dns-forward-max=1000"];
    const own = [`--listen-address=${address}`, `--addn-hosts=${file}`, "--local-ttl=5"];
    return server("dnsmasq", place, address, [...DNSMASQ, ...own, ...forwarding]);
  },
};
