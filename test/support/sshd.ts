import { type ChildProcess, execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Engine } from "./engine.ts";
import { has } from "./requirements.ts";
import { end } from "./world.ts";

/**
 * OpenSSH's own server before an engine, in that engine's namespaces. There root's home is a folder of the test, with
 * what a user has in `~/.ssh`. Nothing of the machine's own ssh is used or touched.
 *
 * `ssh far` gets in. `ssh stranger` is the same machine, but nobody here has seen its key before.
 */
export interface Sshd {
  /** How many have been let in so far. */
  readonly accepted: number;
  /** Ends every connection there is. */
  cut(): void;
  /** Ends them, and takes none any more. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** Where scripts/test.mjs unpacks it if the machine has none. */
const UNPACKED = fileURLToPath(new URL("../../node_modules/.openssh-server", import.meta.url));
const PLACE = "/usr/sbin/sshd";
const isUnpacked = !existsSync(PLACE) && existsSync(join(UNPACKED, PLACE));

/** Why there can be none here; undefined if there can. */
export function sshdMissing(): string | undefined {
  const absent = ["ssh", "ssh-keygen"].filter((program) => !has(program));
  if (!isUnpacked && !existsSync(PLACE)) absent.push("sshd");
  return absent.length === 0 ? undefined : `needs ${absent.join(", ")}`;
}

export async function startSshd(engine: Engine): Promise<Sshd> {
  const folder = join(engine.folder, "ssh");
  const home = join(folder, "home");
  const dotSsh = join(home, ".ssh");
  mkdirSync(dotSsh, { recursive: true, mode: 0o700 });
  const hostKey = newKey(join(folder, "host"));
  newKey(join(dotSsh, "id_ed25519"));
  writeFileSync(join(dotSsh, "known_hosts"), `far ${hostKey}`);
  writeFileSync(join(dotSsh, "config"), CLIENT);
  const config = join(folder, "sshd_config");
  writeFileSync(config, serverConfig(folder));
  await settle(engine, folder, home);

  let server: ChildProcess | undefined;
  let log = "";

  function connections(): number[] {
    const path = `/proc/${server?.pid}/task/${server?.pid}/children`;
    return readFileSync(path, "utf8")
      .split(" ")
      .map(Number)
      .filter((pid) => pid > 0);
  }

  function cut(): void {
    for (const pid of connections()) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended by itself.
      }
    }
  }

  async function start(): Promise<void> {
    const [path, env] = isUnpacked ? [join(UNPACKED, PLACE), { LD_LIBRARY_PATH: libraries() }] : [PLACE, {}];
    const child = engine.spawn(path, ["-D", "-e", "-f", config], env);
    server = child;
    await new Promise<void>((resolve, reject) => {
      child.stderr?.setEncoding("utf8").on("data", (text: string) => {
        log += text;
        if (text.includes("Server listening")) resolve();
      });
      child.once("exit", () => reject(new Error(`sshd ended: ${log}`)));
    });
  }

  await start();
  return {
    get accepted() {
      return log.split("Accepted publickey").length - 1;
    },
    cut,
    async stop() {
      // So that it takes none behind our back.
      server?.kill("SIGSTOP");
      cut();
      if (server !== undefined) await end(server);
    },
    start,
  };
}

/** Gives the public half, as known_hosts has it. */
function newKey(path: string): string {
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", path]);
  return readFileSync(`${path}.pub`, "utf8");
}

const CLIENT = `Host far
  HostKeyAlias far
Host stranger
  HostKeyAlias stranger
Host *
  HostName 127.0.0.1
  User root
`;

/** The port is the usual one: the network namespace is the engine's own. */
function serverConfig(folder: string): string {
  return `ListenAddress 127.0.0.1
HostKey ${folder}/host
AuthorizedKeysFile ${folder}/home/.ssh/id_ed25519.pub
# What is below /tmp others could rename.
StrictModes no
UsePAM no
PidFile none
`;
}

/**
 * ssh and sshd look for a home in the list of users, not in HOME; sshd's own user is there only once it is installed.
 * The docker that is started there has its engine where it looks for one.
 */
async function settle(engine: Engine, folder: string, home: string): Promise<void> {
  const users = readFileSync("/etc/passwd", "utf8").split("\n");
  const others = users.filter((line) => !/^(root|sshd):/.test(line));
  const own = [`root:x:0:0:root:${home}:/bin/sh`, "sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin"];
  const file = join(folder, "passwd");
  writeFileSync(file, [...own, ...others].join("\n"));
  await engine.enter("mount", ["--bind", file, "/etc/passwd"]);
  await engine.enter("mkdir", ["-p", "/run/sshd"]);
  await engine.enter("ln", ["-s", engine.socket, "/var/run/docker.sock"]);
  // Newer ones have a program of their own for each connection there.
  if (isUnpacked)
    await engine.enter("mount", ["--bind", join(UNPACKED, "usr/lib/openssh"), "/usr/lib/openssh"]);
}

/** Of what was unpacked, the folders with libraries. */
function libraries(): string {
  const files = readdirSync(UNPACKED, { recursive: true, encoding: "utf8" });
  const folders = files.filter((path) => /\.so\.\d+$/.test(path)).map((path) => join(UNPACKED, path, ".."));
  return [...new Set(folders)].join(":");
}
