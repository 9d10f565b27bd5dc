import { once } from "node:events";
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Node, World } from "./world.ts";

/** A process with a root of its own, as a container's has one. */
export interface Inhabitant {
  readonly pid: number;
  /** Writes a file as the process sees it: `/etc/hosts`. */
  write(path: string, text: string): void;
}

/** Starts a process in a container's namespace whose root holds busybox and these files; it lives as long as the world. */
export async function inhabit(
  world: World,
  node: Node,
  files: Readonly<Record<string, string>>,
): Promise<Inhabitant> {
  const root = join(world.folder, `root-${node.name}`);
  const write = (path: string, text: string) => {
    mkdirSync(dirname(root + path), { recursive: true });
    writeFileSync(root + path, text);
  };
  write("/bin/busybox", "");
  copyFileSync("/bin/busybox", `${root}/bin/busybox`);
  chmodSync(`${root}/bin/busybox`, 0o755);
  for (const [path, text] of Object.entries(files)) write(path, text);
  const inside = "echo there; exec /bin/busybox sleep 1000000";
  const child = node.start("unshare", ["--mount", "chroot", root, "/bin/busybox", "sh", "-c", inside]);
  await once(child.stdout!, "data");
  return { pid: child.pid!, write };
}
