import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Engine, engineMissing, startEngine } from "../test/support/engine.ts";
import type { Run } from "./benchmark.ts";
import { startEleven } from "./peers/eleven.ts";
import type { Place, Server } from "./peers/peer.ts";

/** Aliases of one container; enough for no one to know the names by heart. */
const ALIASES = 300;
const CONTAINER = "web";
const AT = "127.0.0.11";

export const dockerMissing = (): string | undefined => {
  const reason = engineMissing("dnsperf");
  return reason === undefined ? undefined : `${reason} (Debian: docker.io, busybox-static, iptables)`;
};

/**
 * Compares ours, first, with the resolver of an engine of our own, in the namespace of one of its containers. Which
 * of the two answers there is what `prepare` of each changes, by attaching and detaching. `upstreams` are ours; the
 * engine's is 127.0.0.1.
 */
export async function besidesDocker(
  run: Run,
  compare: (pair: readonly Server[], names: readonly string[], place: Place) => Promise<string>,
  upstreams: readonly string[] = [],
): Promise<{ version: string; names: number; comparison: string }> {
  run.say("starting a Docker engine");
  const engine = await startEngine();
  try {
    const names = Array.from({ length: ALIASES }, (_, index) => `alias-${index}`);
    await engine.docker("network", "create", "shop");
    const aliases = names.flatMap((name) => ["--network-alias", name]);
    await engine.docker("run", "--detach", "--name", CONTAINER, "--network", "shop", ...aliases, "bb:1");

    const inside: Server["run"] = (command, args, options) =>
      engine.nsenter(CONTAINER, command, args, options);
    const place = placeOf(engine);
    const ours = await startEleven(place, "eleven", AT, {
      listen: [],
      sources: [{ docker: engine.host }],
      attach: "none",
      upstreams,
    });
    const docker: Server = {
      name: "Docker engine",
      pids: [engine.pid!],
      address: AT,
      port: 53,
      run: inside,
      prepare: async () => void (await ours.command("detach", CONTAINER)),
      log: () => engine.log().slice(-2000),
      stop: async () => {},
    };
    const attached: Server = {
      ...ours,
      run: inside,
      prepare: async () => void (await ours.command("attach", CONTAINER)),
    };
    const comparison = await compare([attached, docker], names, place);
    const { Version } = await engine.api<{ Version: string }>("/version");
    await ours.stop();
    return { version: Version, names: names.length, comparison };
  } finally {
    await engine.destroy();
  }
}

function placeOf(engine: Engine): Place {
  return {
    folder: engine.folder,
    run: engine.enter,
    start: (command, args, options) => engine.spawn(command, args, options?.env),
    write(file, text) {
      const path = join(engine.folder, file);
      writeFileSync(path, text);
      return path;
    },
  };
}
