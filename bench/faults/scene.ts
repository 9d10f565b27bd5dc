import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { startDnsmasq } from "../../test/support/dnsmasq.ts";
import { holdPairs } from "../../test/support/held-packets.ts";
import { end, type Node, type Ran, type World } from "../../test/support/world.ts";

/** Of upstreams, each with its own fault. */
export const ADDRESSES = {
  GOOD: "10.99.0.1",
  SILENT: ["10.99.0.10", "10.99.0.11"],
  FAILING: "10.99.0.20",
  ONLY_A: "10.99.0.21",
  /** Loses 3 of 100 datagrams in each direction. */
  LOSSY: "10.99.0.22",
  /** Cuts its answers off, and drops TCP. */
  CUT: "10.99.0.23",
  RESTARTING: "10.99.0.24",
  /** Can take a thousand at once. */
  BUSY: "10.99.0.25",
  /** Answer after a second and a half, behind a service that sends each question to either of them. */
  LATE: ["10.99.0.26", "10.99.0.27"],
  LATE_SERVICE: "10.96.0.13",
  /** Of a service: behind it is GOOD, by way of NAT that loses the second of a pair. */
  SERVICE: "10.96.0.10",
} as const;

/** Where forwarders of the host may listen, and the service by which each is asked where there is a race. */
export const HOST_RESOLVERS = [
  { address: "10.5.255.1", service: "10.96.0.11" },
  { address: "10.5.255.2", service: "10.96.0.12" },
] as const;

const SERVICE_NETWORK = "10.96.0.0/16";
const CONTAINER_NETWORK = "10.5.0.0/16";
const ROUTER = "10.99.0.254";
const SECOND_FIRST = 2;
const DOWN_MS = 2000;
const BEFORE_DOWN_MS = 1000;

/** Upstreams and containers, and a host between them on which resolvers run. */
export interface Scene {
  readonly world: World;
  readonly containers: readonly Node[];
  /** Has packets to LATE_SERVICE that come together meet in connection tracking, until what it returns is called. */
  clash(): Promise<() => Promise<void>>;
  /** Ends RESTARTING, and starts it again two seconds later. */
  restart(): Promise<void>;
  /** Lets a host, in which `run` runs and whose namespace is that of `pid`, reach the upstreams, as ours does. */
  connect(pid: number, run: Node["run"]): Promise<void>;
}

export async function openScene(world: World, containers: number): Promise<Scene> {
  world.bridge("up0", `${ROUTER}/24`);
  world.bridge("shop0", "10.5.0.1/16", ...HOST_RESOLVERS.map(({ address }) => `${address}/16`));
  const { SERVICE, LATE_SERVICE, SILENT, LATE, ...others } = ADDRESSES;
  const addresses = [...SILENT, ...LATE, ...Object.values(others)];
  const servers = world.container("servers", { up0: addresses.map((address) => `${address}/24`) });
  const nodes = Array.from({ length: containers }, (_, index) =>
    world.container(`c${index}`, { shop0: [`10.5.0.${index + SECOND_FIRST}/16`] }),
  );
  await done(servers, "ip", ["route", "add", CONTAINER_NETWORK, "via", ROUTER]);
  await Promise.all(nodes.map((node) => done(node, "ip", ["route", "add", "default", "via", "10.5.0.1"])));
  // A service is reached by translation, which comes after the choice of a route.
  await done(world.host, "ip", ["route", "add", SERVICE_NETWORK, "dev", "up0"]);
  await done(world.host, "sysctl", ["-qw", "net.ipv4.ip_forward=1"]);
  await lose(servers);
  await raceIn(world.host.run);

  await startUpstreams(servers);
  let restarting = await startDnsmasq(servers, RESTARTING);
  forget(restarting);
  startBusy(world, servers);

  return {
    world,
    containers: nodes,
    clash: () => holdPairs(world.host, `ct original ip daddr ${LATE_SERVICE} udp dport 53`),
    async restart() {
      await delay(BEFORE_DOWN_MS);
      await end(restarting);
      await delay(DOWN_MS);
      restarting = await startDnsmasq(servers, RESTARTING);
      forget(restarting);
    },
    async connect(pid, run) {
      const veth = ["link", "add", "engine", "type", "veth", "peer", "name", "up0", "netns", String(pid)];
      await done(servers, "ip", veth);
      await done(servers, "ip", ["address", "add", "10.98.0.2/24", "dev", "engine"]);
      await done(servers, "ip", ["link", "set", "engine", "up"]);
      const inside = { run };
      await done(inside, "ip", ["address", "add", "10.98.0.1/24", "dev", "up0"]);
      await done(inside, "ip", ["link", "set", "up0", "up"]);
      await done(inside, "ip", ["route", "add", "default", "via", "10.98.0.2"]);
      await raceIn(run);
    },
  };
}

const UPSTREAMS = fileURLToPath(new URL("upstreams.mjs", import.meta.url));

async function startUpstreams(servers: Node): Promise<void> {
  const { GOOD, SILENT, FAILING, ONLY_A, LOSSY, CUT, LATE } = ADDRESSES;
  const manners = {
    willing: [GOOD, LOSSY, CUT],
    silent: SILENT,
    failing: [FAILING],
    onlyA: [ONLY_A],
    late: LATE,
  };
  const each = Object.entries(manners).flatMap(([manner, addresses]) =>
    addresses.map((address) => `${address}=${manner}`),
  );
  const program = servers.start(process.execPath, [UPSTREAMS, ...each]);
  program.stderr?.pipe(process.stderr);
  await once(program.stdout!, "data");
}

const RESTARTING = {
  listen: [ADDRESSES.RESTARTING],
  args: ["--address=/example/192.0.2.53", "--address=/example/2001:db8::53"],
};

/** What it logs is not read, and must not fill its pipe. */
function forget({ stdout, stderr }: ChildProcess): void {
  stdout?.resume();
  stderr?.resume();
}

/** Unbound, which asks for a receive buffer that holds a thousand queries. */
function startBusy(world: World, servers: Node): void {
  const path = world.write(
    "busy.conf",
    `server:
  interface: ${ADDRESSES.BUSY}
  access-control: 10.0.0.0/8 allow
  so-rcvbuf: 4m
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "${world.folder}"
  pidfile: ""
  use-syslog: no
  logfile: /dev/null
  module-config: "iterator"
  local-zone: "example." redirect
  local-data: "example. A 192.0.2.53"
  local-data: "example. AAAA 2001:db8::53"
remote-control:
  control-enable: no
`,
  );
  forget(servers.start("unbound", ["-d", "-c", path]));
}

async function lose(servers: Node): Promise<void> {
  const { LOSSY, CUT } = ADDRESSES;
  await nft(
    servers.run,
    `table ip faults {
  chain in {
    type filter hook input priority 0
    ip daddr ${LOSSY} numgen random mod 100 < 3 drop
    ip daddr ${CUT} tcp dport 53 drop
  }
  chain out {
    type filter hook output priority 0
    ip saddr ${LOSSY} numgen random mod 100 < 3 drop
  }
}`,
  );
}

/** Of services, and of who is behind them. */
const SERVICES: readonly (readonly [string, string])[] = [
  [ADDRESSES.SERVICE, ADDRESSES.GOOD],
  ...HOST_RESOLVERS.map(({ service, address }) => [service, address] as const),
];

/**
 * The race of kernels before 5.7: of two datagrams of one socket to a translated address, the second is lost if it is
 * tracked before the first is entered. Here one in ten is lost that comes second and before any reply.
 */
async function raceIn(run: Node["run"]): Promise<void> {
  const { LATE, LATE_SERVICE } = ADDRESSES;
  const either = `numgen random mod 2 map { 0 : ${LATE[0]}, 1 : ${LATE[1]} }`;
  const all = [...SERVICES, [LATE_SERVICE, either] as const];
  const service = all.map(([from, to]) => `    ip daddr ${from} udp dport 53 dnat to ${to}\n`);
  await nft(
    run,
    `table ip faults {
  chain pair { ct original ip daddr != ${LATE_SERVICE} udp dport 53 ct state new ct original packets 2 numgen random mod 10 < 1 counter drop; }
  chain translate-forwarded {
    type nat hook prerouting priority -100
${service.join("")}  }
  chain translate-own {
    type nat hook output priority -100
${service.join("")}  }
  chain in {
    type filter hook input priority -150
    ct status dnat jump pair
  }
  chain out {
    type filter hook postrouting priority -150
    ct status dnat jump pair
  }
}`,
  );
  await done({ run }, "sysctl", ["-qw", "net.netfilter.nf_conntrack_acct=1"]);
}

async function nft(run: Node["run"], rules: string): Promise<void> {
  await done({ run }, "sh", ["-c", `nft -f - <<'END'\n${rules}\nEND`]);
}

async function done({ run }: Pick<Node, "run">, command: string, args: readonly string[]): Promise<Ran> {
  const ran = await run(command, args);
  if (ran.status !== 0) throw new Error(`${command} ${args.join(" ")}: ${ran.stderr}`);
  return ran;
}
