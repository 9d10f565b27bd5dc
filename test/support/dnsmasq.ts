import type { ChildProcess } from "node:child_process";
import type { Node } from "./world.ts";

/** Starts a real dnsmasq in a namespace, on port 53 of these addresses, with these records and nothing upstream. */
export async function startDnsmasq(
  node: Node,
  options: { readonly listen: readonly string[]; readonly args: readonly string[] },
): Promise<ChildProcess> {
  const listen = options.listen.map((address) => `--listen-address=${address}`);
  const fixed = [
    "--keep-in-foreground",
    "--no-resolv",
    "--no-hosts",
    "--no-daemon",
    "--bind-interfaces",
    "--conf-file=/dev/null",
  ];
  const child = node.start("dnsmasq", [
    ...fixed,
    "--log-queries",
    "--log-facility=-",
    ...listen,
    ...options.args,
  ]);
  await new Promise<void>((resolve, reject) => {
    let log = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      log += text;
      if (text.includes("started")) resolve();
    });
    child.once("exit", () => reject(new Error(`dnsmasq ended: ${log}`)));
  });
  return child;
}
