import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { removeCgroups, until } from "./engine.ts";
import { missing } from "./requirements.ts";
import { finish, type Ran, type RunOptions } from "./world.ts";

/**
 * This machine's own programs once more, with systemd as their process 1: a layer in memory above the machine's root,
 * and namespaces of its own for processes, mounts, network and control groups. Nothing it does is left behind.
 */
export interface Machine {
  /** Runs a program in there. */
  enter(command: string, args: readonly string[], options?: RunOptions): Promise<Ran>;
  destroy(): Promise<void>;
}

const SYSTEMD = "/lib/systemd/systemd";

/** Why systemd can't be booted here; undefined if it can. */
export function systemdMissing(...programs: readonly string[]): string | undefined {
  const reason = missing("systemctl", ...programs);
  if (reason !== undefined) return reason;
  if (!existsSync(SYSTEMD)) return `needs ${SYSTEMD}`;
  const filesystems = readFileSync("/proc/filesystems", "utf8");
  const absent = ["overlay", "cgroup2"].filter((name) => !filesystems.includes(`\t${name}\n`));
  return absent.length === 0 ? undefined : `needs the file systems ${absent.join(", ")}`;
}

/** What `npm test` has unpacked where systemd-resolved is not installed. */
const UNPACKED = fileURLToPath(new URL("../../node_modules/.systemd-resolved", import.meta.url));
const RESOLVED_FILES = [
  "/lib/systemd/systemd-resolved",
  "/lib/systemd/system/systemd-resolved.service",
  "/usr/bin/resolvectl",
  "/usr/share/dbus-1/system.d/org.freedesktop.resolve1.conf",
];

/** What a machine needs mounted to have systemd-resolved; undefined if there is none here. */
export function resolvedMounts(): Readonly<Record<string, string>> | undefined {
  if (existsSync(RESOLVED_FILES[0]!)) return {};
  if (!existsSync(UNPACKED)) return undefined;
  return Object.fromEntries(RESOLVED_FILES.map((path) => [path, join(UNPACKED, path)]));
}

/** Boots, with these units wanted, and waits until they are active. `prepare` is sh, run in the new root before. */
export async function bootSystemd(options: {
  readonly units: readonly string[];
  /** A path in the machine, and what of this machine is seen there. */
  readonly mounts: Readonly<Record<string, string>>;
  readonly prepare: string;
}): Promise<Machine> {
  const { units, mounts, prepare } = options;
  const tag = `eleven-${randomBytes(4).toString("hex")}`;
  const folder = mkdtempSync(join(tmpdir(), "eleven-systemd-"));
  const namespaces = ["--mount", "--pid", "--net", "--uts", "--ipc", "--propagation=private", "--fork"];
  const child = spawn("unshare", [...namespaces, "sh", "-ec", BOOT, folder, tag], {
    env: { ...process.env, UNITS: units.join(" "), MOUNTS: mountList(mounts), PREPARE: prepare },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let console = "";
  const pid = await new Promise<number>((resolve, reject) => {
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      console += text;
    });
    child.stdout.setEncoding("utf8").once("data", (text: string) => resolve(Number(text)));
    child.once("exit", (status) => reject(new Error(`Cannot boot systemd: ${status} ${console}`)));
  });
  const enter = (command: string, args: readonly string[], runOptions?: RunOptions) =>
    finish(spawn("nsenter", [`--target=${pid}`, "--all", command, ...args]), runOptions);

  async function destroy(): Promise<void> {
    // All else in there dies with its process 1.
    if (child.exitCode === null && child.signalCode === null) {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      process.kill(pid, "SIGKILL");
      await ended;
    }
    removeCgroups(tag);
    rmSync(folder, { recursive: true, force: true });
  }

  try {
    await until(`${units.join(" and ")} run`, async () => {
      const { status } = await enter("systemctl", ["is-active", "--quiet", ...units]);
      return status === 0;
    });
    return { enter, destroy };
  } catch (error) {
    const { stdout } = await enter("journalctl", ["--no-pager", "--lines=50"]);
    await destroy();
    throw new Error(`${(error as Error).message}: ${console} ${stdout}`);
  }
}

function mountList(mounts: Readonly<Record<string, string>>): string {
  return Object.entries(mounts)
    .map(([to, from]) => `${from} ${to}\n`)
    .join("");
}

/**
 * What systemd expects of whoever starts it in a container (systemd.io/CONTAINER_INTERFACE): all mounted that it can't
 * mount itself, /sys and /proc/sys not to be written to, as those are this machine's. The shell's process id, which
 * becomes systemd's, is read from this machine's /proc.
 */
const BOOT = `
at=$0 tag=$1
read -r pid rest </proc/self/stat
mount -t tmpfs tmpfs "$at"
mkdir "$at/cgroup" "$at/upper" "$at/work" "$at/root"
mount -t cgroup2 cgroup2 "$at/cgroup"
mkdir "$at/cgroup/$tag"
echo 0 >"$at/cgroup/$tag/cgroup.procs"
mount -t overlay -o "lowerdir=/,upperdir=$at/upper,workdir=$at/work" overlay "$at/root"
cd "$at/root"
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount --bind proc/sys/net proc/sys/net
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
unshare --cgroup mount -t cgroup2 cgroup2 sys/fs/cgroup
for folder in dev run tmp etc/systemd/system; do mount -t tmpfs tmpfs "$folder"; done
for device in null zero full random urandom tty; do
  touch "dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
# What Docker keeps can't lie on an overlay.
for folder in var/lib/docker var/lib/containerd; do
  mkdir -p "$folder"
  mount -t tmpfs tmpfs "$folder"
done
printf %s "$MOUNTS" | while read -r from to; do
  if [ -d "$from" ]; then mkdir -p ".$to"; else mkdir -p ".\${to%/*}" && rm -f ".$to" && touch ".$to"; fi
  mount --bind "$from" ".$to"
done
printf '[Unit]\\nRequires=basic.target\\nWants=%s\\n' "$UNITS" >etc/systemd/system/boot.target
mkdir -p old
pivot_root . old
umount -l /old
# systemd does this itself, but not in a container; what a service with a view of its own sees depends on it.
mount --make-rshared /
ip link set lo up
eval "$PREPARE"
echo "$pid"
exec env -i container=eleven unshare --cgroup ${SYSTEMD} --unit=boot.target --log-target=journal --show-status=no >/dev/null
`;
