import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { until } from "../../test/support/engine.ts";
import { type Peer, PORT, server } from "./peer.ts";

/** Podman runs it from there; it is on nobody's PATH. */
const PROGRAM = "/usr/lib/podman/aardvark-dns";
/** It answers a container's address only, so the client has to be one. */
const CLIENT = "127.0.0.1";

/** Podman's resolver, with one network of containers. */
export const aardvark: Peer = {
  name: "aardvark-dns",
  missing: () => (existsSync(PROGRAM) ? undefined : `needs ${PROGRAM} (Debian: aardvark-dns)`),
  version: () =>
    /aardvark-dns (\S+)/.exec(
      // It complains of a missing syslog.
      execFileSync(PROGRAM, ["--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }),
    )?.[1] ?? "unknown",
  async start(place, { address, zone }) {
    const folder = join(place.folder, "aardvark");
    const pidFile = join(folder, "aardvark.pid");
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    const container = ({ name, address }: { name: string; address: string }, index: number): string =>
      `id${index} ${address}  ${name}\n`;
    const all = [...zone, { name: "client", address: CLIENT }];
    // A file for each network, named after it: where to listen, then a container a line.
    place.write(join("aardvark", "bench"), `${address}\n${all.map(container).join("")}`);
    const started = server("aardvark-dns", place, address, [
      PROGRAM,
      "--config",
      folder,
      "--port",
      String(PORT),
      "run",
    ]);
    // It goes on in a process of its own, whose number it writes down.
    const read = (): number => (existsSync(pidFile) ? Number(readFileSync(pidFile, "utf8")) : 0);
    await until("aardvark-dns has started", async () => read() > 0 && existsSync(`/proc/${read()}`));
    const pid = read();
    return { ...started, pids: [pid], stop: async () => void process.kill(pid, "SIGTERM") };
  },
};
