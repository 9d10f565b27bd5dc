import { join } from "node:path";
import type { Node, World } from "./world.ts";

/** A process that lives in a node as a container's does: with files of /etc of its own. Ends with the world. */
export async function startContainerProcess(
  world: World,
  node: Node,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  const mounts = Object.entries(files).map(([file, text]) => {
    world.write(`${node.name}-${file}`, text);
    return `mount --bind ${join(world.folder, `${node.name}-${file}`)} /etc/${file}`;
  });
  const script = [...mounts, "echo ready", "exec sleep infinity"].join(" && ");
  const child = node.start("unshare", ["--mount", "--propagation", "private", "sh", "-c", script]);
  await new Promise((resolve, reject) => {
    child.stdout?.once("data", resolve);
    child.once("exit", () => reject(new Error("the container's process has ended")));
  });
}
