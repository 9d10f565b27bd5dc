import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { missing } from "./requirements.ts";
import { finish, type Ran, type RunOptions } from "./world.ts";

/**
 * A real Docker Engine of our own: its own network and mount namespace, /run, resolv.conf, containerd, data and
 * socket. Nothing of the machine's network or of another engine is touched, and `destroy` leaves nothing.
 */
export interface Engine {
  /** Everything it has on disk. */
  readonly folder: string;
  /** Path of its API socket. */
  readonly socket: string;
  /** `unix://` and the socket, as DOCKER_HOST has it. */
  readonly host: string;
  /** Process id of dockerd; undefined while it is down. */
  readonly pid: number | undefined;
  /** The docker command on this engine; throws with what it wrote to stderr if it fails. Gives stdout, trimmed. */
  docker(...args: readonly string[]): Promise<string>;
  /** What the API answers to a GET, parsed. */
  api<T>(path: string): Promise<T>;
  /** Ends dockerd and waits for its end; containers go on. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts dockerd, and waits until its API answers. */
  start(): Promise<void>;
  restart(signal?: NodeJS.Signals): Promise<void>;
  /** What dockerd takes for the host's /etc/resolv.conf. */
  setResolvConf(text: string): void;
  /** The arguments of `nsenter` that lead into the engine's network and mount namespaces. */
  readonly namespaces: readonly string[];
  /** Runs a program of this machine in the engine's network and mount namespaces. */
  enter(command: string, args: readonly string[], options?: RunOptions): Promise<Ran>;
  /** Starts one there that runs until `destroy`. */
  spawn(command: string, args: readonly string[], env?: Readonly<Record<string, string>>): ChildProcess;
  /** Process id of a container's init. */
  pidOf(container: string): Promise<number>;
  /** Runs a program of this machine in the network namespace of a container. */
  nsenter(container: string, command: string, args: readonly string[], options?: RunOptions): Promise<Ran>;
  /** All that dockerd has written. */
  log(): string;
  /** Ends every process that came of this engine, and removes all it made. */
  destroy(): Promise<void>;
}

export interface EngineOptions {
  /** Off for a swarm, which does not go with it. */
  readonly liveRestore?: boolean;
  /** Further arguments of dockerd. */
  readonly args?: readonly string[];
  readonly resolvConf?: string;
}

/** Why no engine can be started here; undefined if one can. */
export function engineMissing(...programs: readonly string[]): string | undefined {
  const reason = missing(
    "dockerd",
    "containerd",
    "runc",
    "docker",
    "iptables",
    "busybox",
    "tar",
    ...programs,
  );
  if (reason !== undefined) return reason;
  return existsSync("/sys/fs/cgroup") ? undefined : "needs control groups";
}

const START_MS = 30_000;
const POLL_MS = 10;

/** The root of a tree with another engine in it, made by debootstrap, which is run in the place of this machine's own. */
const TREE = process.env.ELEVEN_ENGINE_ROOT;

export async function startEngine(options: EngineOptions = {}): Promise<Engine> {
  const { liveRestore = true, args = [], resolvConf = "nameserver 127.0.0.1\n" } = options;
  const tag = `eleven-${randomBytes(4).toString("hex")}`;
  const folder = mkdtempSync(join(tmpdir(), "eleven-engine-"));
  const at = (name: string) => join(folder, name);
  const [socket, containerd] = [at("docker.sock"), at("containerd.sock")];
  const host = `unix://${socket}`;
  const children = new Set<ChildProcess>();
  mkdirSync(at("client"));
  writeFileSync(at("resolv.conf"), resolvConf);
  writeFileSync(at("containerd.toml"), containerdConfig(folder, containerd));

  const namespacesOf = ({ pid }: ChildProcess) => [`--target=${pid}`, "--net", "--mount"];
  const holders = [await holdOutside(folder)];
  const namespaces = namespacesOf(holders[0]!);
  if (TREE !== undefined) holders.push(await holdInside(folder, TREE, namespaces));
  const ofEngine = namespacesOf(holders.at(-1)!);
  let dockerd: ChildProcess | undefined;
  let destroyed = false;

  function start(
    at: readonly string[],
    command: string,
    rest: readonly string[],
    logName?: string,
    env = {},
  ): ChildProcess {
    const log = logName === undefined ? ("pipe" as const) : openSync(join(folder, logName), "a");
    const child = spawn("nsenter", [...at, command, ...rest], {
      stdio: ["ignore", log, log],
      env: { ...process.env, ...env },
    });
    children.add(child);
    child.once("exit", () => children.delete(child));
    return child;
  }

  async function startDockerd(): Promise<void> {
    const child = start(
      ofEngine,
      "dockerd",
      [
        `--host=${host}`,
        `--containerd=${containerd}`,
        `--data-root=${at("data")}`,
        `--exec-root=${at("exec")}`,
        `--pidfile=${at("dockerd.pid")}`,
        `--cgroup-parent=/${tag}`,
        "--exec-opt=native.cgroupdriver=cgroupfs",
        "--group=root",
        ...(liveRestore ? ["--live-restore"] : []),
        ...args,
      ],
      "dockerd.log",
    );
    dockerd = child;
    await until(`dockerd answers: ${at("dockerd.log")}`, async () => {
      if (child.exitCode !== null) throw new Error(`dockerd ended: ${log().slice(-2000)}`);
      return (await get(socket, "/_ping").catch(() => "")) === "OK";
    });
  }

  async function kill(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const child = dockerd;
    dockerd = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill(signal);
    await ended;
  }

  async function run(command: string, rest: readonly string[], runOptions: RunOptions = {}): Promise<Ran> {
    // The builder that is the engine's own: the other one is a plugin, which not every machine has.
    const env = { ...process.env, DOCKER_CONFIG: at("client"), DOCKER_BUILDKIT: "0" };
    return finish(spawn(command, rest, { env }), runOptions);
  }

  async function docker(...rest: readonly string[]): Promise<string> {
    const ran = await run("docker", ["--host", host, ...rest]);
    if (ran.status !== 0) throw new Error(`docker ${rest.join(" ")}: ${ran.stderr.trim()}`);
    return ran.stdout.trim();
  }

  const log = (): string => readFileSync(at("dockerd.log"), "utf8");
  const pidOf = async (container: string): Promise<number> =>
    Number(await docker("inspect", "--format", "{{.State.Pid}}", container));

  async function destroy(): Promise<void> {
    if (destroyed) return;
    destroyed = true;
    // The engine first, or it would start again what it is to restart; then the shims, then what they kept.
    for (const { pid } of children) if (pid !== undefined) end(pid);
    thaw(tag);
    await until("the engine's processes are gone", async () => {
      const left = processesOf(folder, tag);
      for (const pid of left) end(pid);
      return left.length === 0;
    });
    for (const holder of holders.reverse()) {
      holder.kill("SIGKILL");
      await until("the engine's namespaces are gone", async () => !existsSync(`/proc/${holder.pid}/ns/net`));
    }
    removeCgroups(tag);
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }

  const engine: Engine = {
    folder,
    socket,
    host,
    namespaces,
    get pid() {
      return dockerd?.pid;
    },
    docker,
    api: async <T>(path: string) => JSON.parse(await get(socket, path)) as T,
    kill,
    start: startDockerd,
    async restart(signal) {
      await kill(signal);
      await startDockerd();
    },
    setResolvConf: (text) => writeFileSync(at("resolv.conf"), text),
    enter: (command, rest, runOptions) => run("nsenter", [...namespaces, command, ...rest], runOptions),
    spawn: (command, rest, env) => start(namespaces, command, rest, undefined, env),
    pidOf,
    nsenter: async (container, command, rest, runOptions) =>
      run("nsenter", [`--target=${await pidOf(container)}`, "--net", command, ...rest], runOptions),
    log,
    destroy,
  };

  try {
    start(ofEngine, "containerd", ["--config", at("containerd.toml")], "containerd.log");
    await until("containerd listens", async () => existsSync(containerd));
    await startDockerd();
    await importImage(engine, busyboxRoot(folder), "bb:1");
    await importImage(engine, glibcRoot(folder), "glibc:1");
    return engine;
  } catch (error) {
    await destroy();
    throw error;
  }
}

/** Its folder is shared, as all is on a host with systemd: what the engine mounts in there is seen by others, too. */
const SHARE = `mount --bind "$0" "$0"
mount --make-shared "$0"
`;

/** Its own /run hides that of another engine on this machine. */
const HOLD = `mount -t tmpfs tmpfs /run
mount --bind "$0/resolv.conf" "$(readlink -f /etc/resolv.conf)"
ip link set lo up
echo held
exec sleep infinity`;

/** Makes the tree the root: after a mere chroot, \`docker exec\` would lead out of it. */
const ENTER_TREE = `cd "$1"
mount --bind . .
cd "$1"
for folder in proc sys dev; do mount --rbind "/$folder" "$folder"; done
mount -t tmpfs tmpfs tmp
mkdir -p "./$0"
mount --bind "$0" "./$0"
pivot_root . mnt
umount -l /mnt
`;

/** Keeps the engine's namespaces while dockerd is down. */
function holdOutside(folder: string): Promise<ChildProcess> {
  return hold("unshare", ["--net", "--mount", "--propagation=private", "sh", "-ec", SHARE + HOLD, folder]);
}

/** Keeps a mount namespace inside of these, in which the tree is the root. */
function holdInside(folder: string, tree: string, namespaces: readonly string[]): Promise<ChildProcess> {
  const inside = ["unshare", "--mount", "--propagation=unchanged"];
  return hold("nsenter", [...namespaces, ...inside, "sh", "-ec", ENTER_TREE + HOLD, folder, tree]);
}

async function hold(command: string, args: readonly string[]): Promise<ChildProcess> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout.once("data", () => resolve());
    child.once("exit", (status) =>
      reject(new Error(`Cannot make an engine's namespaces: ${status} ${errors}`)),
    );
  });
  return child;
}

function containerdConfig(folder: string, socket: string): string {
  return `version = 2
root = "${folder}/containerd"
state = "${folder}/containerd-state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "${socket}"
`;
}

function busyboxRoot(folder: string): string {
  const root = join(folder, "busybox");
  for (const name of ["bin", "etc", "proc", "sys", "dev", "tmp"])
    mkdirSync(join(root, name), { recursive: true });
  const busybox = execFileSync("which", ["busybox"], { encoding: "utf8" }).trim();
  copyFileSync(busybox, join(root, "bin", "busybox"));
  for (const applet of execFileSync(busybox, ["--list"], { encoding: "utf8" }).split("\n")) {
    const path = join(root, "bin", applet);
    if (applet !== "" && !existsSync(path)) symlinkSync("busybox", path);
  }
  return root;
}

/** busybox, and `getent` with this machine's libc. */
export function glibcRoot(folder: string): string {
  const root = join(folder, "glibc");
  cpSync(busyboxRoot(folder), root, { recursive: true, verbatimSymlinks: true });
  const getent = execFileSync("which", ["getent"], { encoding: "utf8" }).trim();
  const linked = execFileSync("ldd", [getent], { encoding: "utf8" });
  const libraries = [...linked.matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path!);
  for (const path of libraries) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    copyFileSync(path, join(root, path));
  }
  copyFileSync(getent, join(root, "bin", "getent"));
  writeFileSync(join(root, "etc", "nsswitch.conf"), "hosts: files dns\n");
  return root;
}

/** What runs in a container, unless a test says otherwise. Ends at once when it is stopped: process 1 has to ask for that. */
export const COMMAND = JSON.stringify(["sh", "-c", "trap 'exit 0' TERM; sleep 1000000 & wait"]);

async function importImage({ host, folder }: Engine, root: string, name: string): Promise<void> {
  const script = `tar -C "$0" -c . | DOCKER_CONFIG="${folder}/client" docker --host "${host}" import -c "$1" - ${name}`;
  const ran = await finish(spawn("sh", ["-c", script, root, `CMD ${COMMAND}`]));
  if (ran.status !== 0) throw new Error(`Cannot make the image ${name}: ${ran.stderr}`);
}

function get(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, path, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => {
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`GET ${path}: ${response.statusCode} ${text.trim()}`));
      });
      response.on("error", reject);
    });
    sent.setTimeout(START_MS, () => sent.destroy(new Error(`GET ${path}: no answer`)));
    sent.on("error", reject).end();
  });
}

/** Asks again and again: for what gives no event when it comes true. */
export async function until(
  what: string,
  isTrue: () => Promise<boolean>,
  withinMs = START_MS,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new Error(`Waited ${withinMs} ms in vain until ${what}`);
    await delay(POLL_MS);
  }
}

/** Shims, which name our folder, and what runs in our control groups. */
function processesOf(folder: string, tag: string): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid)
    .filter((pid) => {
      const isOurs = read(`/proc/${pid}/cmdline`).includes(`${folder}/`) && isEngines(pid);
      return isOurs || read(`/proc/${pid}/cgroup`).includes(`/${tag}/`);
    });
}

/** A test may have our folder among its arguments, too. */
function isEngines(pid: number): boolean {
  return /^(containerd|dockerd|docker-proxy|runc|exe)/.test(read(`/proc/${pid}/comm`));
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** What is paused can't die in control groups of version 1. */
function thaw(tag: string): void {
  for (const root of cgroupRoots(tag))
    for (const file of readdirSync(root, { recursive: true, encoding: "utf8" }))
      if (basename(file) === "freezer.state") writeFileSync(join(root, file), "THAWED");
}

export function removeCgroups(tag: string): void {
  for (const root of cgroupRoots(tag)) removeTree(root);
}

/** Of either version: one tree, or one for each controller. */
function cgroupRoots(tag: string): string[] {
  const mounted = [
    "/sys/fs/cgroup",
    ...readdirSync("/sys/fs/cgroup").map((name) => `/sys/fs/cgroup/${name}`),
  ];
  return mounted.map((root) => join(root, tag)).filter((root) => existsSync(root));
}

/** The files of a control group can't be removed, only the folders. */
function removeTree(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) removeTree(join(folder, entry.name));
  rmdirSync(folder);
}
