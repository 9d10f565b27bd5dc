import type { Sandbox } from "./sandbox.ts";

/**
 * Whether a packet can go anywhere but to the container itself: it cannot with `docker run --network none`, whose
 * resolv.conf names the host's servers all the same.
 */
export function hasWayOut({ net }: Pick<Sandbox, "net">): boolean {
  return [...interfaces(net, "route", 0), ...interfaces(net, "ipv6_route", -1)].some((name) => name !== "lo");
}

/** Of each route; the list of IPv4 has a line of headings, and a kernel without IPv6 has no other list. */
function interfaces(net: Sandbox["net"], file: "route" | "ipv6_route", column: number): string[] {
  try {
    const lines = net(file).trim().split("\n");
    return lines
      .filter((line) => line !== "" && !line.startsWith("Iface"))
      .map((line) => line.trim().split(/\s+/).at(column)!);
  } catch {
    return [];
  }
}
