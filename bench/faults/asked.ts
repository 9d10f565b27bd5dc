import { join } from "node:path";
import { type Engine, engineMissing, startEngine } from "../../test/support/engine.ts";
import type { Node } from "../../test/support/world.ts";
import { answers } from "../load/ask.ts";
import { dnsmasq } from "../peers/dnsmasq.ts";
import { startEleven } from "../peers/eleven.ts";
import type { Peer, Place } from "../peers/peer.ts";
import { unbound } from "../peers/unbound.ts";
import type { Fault } from "./fault.ts";
import { HOST_RESOLVERS, type Scene } from "./scene.ts";

/** Who is asked by containers, with all the ways of its own. */
export interface Asked {
  readonly name: string;
  /** A new one for each fault, so that it has learnt nothing yet; it is ready when the promise resolves. */
  start(fault: Fault): Promise<Running>;
}

export interface Running {
  /** Of the containers' resolv.conf. */
  readonly nameservers: readonly string[];
  /** Runs a stub's program in a container. */
  readonly run: Node["run"];
  /** Paths of the namespaces of all containers. */
  readonly namespaces: readonly string[];
  stop(): Promise<void>;
}

const EMBEDDED = "127.0.0.11";
/** Known to whoever can know names of containers. */
const ZONE = [{ name: "web", address: "10.5.0.2" }];

/** The upstreams themselves. */
export function straight({ containers }: Scene): Asked {
  return {
    name: "straight",
    start: async ({ upstreams }) => ({ ...inContainers(containers), nameservers: upstreams }),
  };
}

/** Ours, attached in each container. */
export function ours({ containers }: Scene, place: Place): Asked {
  const container = ({ netns }: Node, index: number): string =>
    `  ${index === 0 ? "web" : `web-${index}`}: { netns: ${netns}, networks: { shop: { ipv4: 10.5.0.${index + 2} } } }\n`;
  place.write("faults.yaml", `networks: { shop: {} }\ncontainers:\n${containers.map(container).join("")}`);
  return {
    name: "eleven",
    async start({ upstreams }) {
      const eleven = await startEleven(place, "eleven", EMBEDDED, {
        listen: [],
        sources: [{ file: join(place.folder, "faults.yaml") }],
        attach: "all",
        upstreams,
      });
      return { ...inContainers(containers), nameservers: [EMBEDDED], stop: eleven.stop };
    },
  };
}

/** A forwarder on the host, at the address behind this service. */
function onHost(
  { containers }: Scene,
  place: Place,
  peer: Peer,
  { address, service }: (typeof HOST_RESOLVERS)[number],
): Asked {
  return {
    name: peer.name,
    async start({ upstreams, isRace }) {
      const server = await peer.start(place, { address, zone: ZONE, upstreams });
      await answers(server, place.write(`${peer.name}.known`, "web\n"), 1);
      return { ...inContainers(containers), nameservers: [isRace ? service : address], stop: server.stop };
    },
  };
}

export const hostForwarders = (scene: Scene, place: Place): Asked[] =>
  [dnsmasq, unbound].map((peer, index) => onHost(scene, place, peer, HOST_RESOLVERS[index]!));

function inContainers(containers: readonly Node[]) {
  const namespaces = containers.map(({ netns }) => netns);
  return { run: containers[0]!.run, namespaces, stop: async () => {} };
}

/** The Docker engine's own resolver, if there is an engine; `close` ends it. */
export async function dockerEngine(
  scene: Scene,
  containers: number,
): Promise<{ asked: Asked; version: string; close(): Promise<void> } | undefined> {
  if (engineMissing() !== undefined) return undefined;
  const engine = await startEngine();
  try {
    const pid = Number(/--target=(\d+)/.exec(engine.namespaces[0]!)![1]);
    await scene.connect(pid, engine.enter);
    await engine.docker("network", "create", "shop");
    const { Version } = await engine.api<{ Version: string }>("/version");
    return { asked: ofEngine(engine, containers), version: Version, close: engine.destroy };
  } catch (error) {
    await engine.destroy();
    throw error;
  }
}

function ofEngine(engine: Engine, containers: number): Asked {
  return {
    name: "Docker engine",
    async start({ upstreams, atOnce }) {
      const names = Array.from({ length: atOnce === undefined ? 1 : containers }, (_, index) =>
        index === 0 ? "web" : `web-${index}`,
      );
      const dns = upstreams.flatMap((upstream) => ["--dns", upstream]);
      for (const name of names)
        await engine.docker("run", "--detach", "--name", name, "--network", "shop", ...dns, "bb:1");
      const pids = await Promise.all(names.map((name) => engine.pidOf(name)));
      return {
        nameservers: [EMBEDDED],
        run: (command, args, options) => engine.nsenter("web", command, args, options),
        namespaces: pids.map((pid) => `/proc/${pid}/ns/net`),
        stop: async () => void (await engine.docker("rm", "--force", ...names)),
      };
    },
  };
}
