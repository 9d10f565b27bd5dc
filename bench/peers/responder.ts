import { compile, compilerMissing, compilerVersion } from "../compile.ts";
import { nameLines } from "../zone.ts";
import { type Peer, type Place, PORT, type Server, server } from "./peer.ts";

const SOURCE = "peers/responder.c";

/** What the machine allows: a bare loop in C, which is no DNS server. */
export const responder: Peer = {
  name: "C responder",
  missing: compilerMissing,
  version: compilerVersion,
  start: async (place, { address, zone }) => startResponder(place, address, nameLines(zone), []),
};

/** With namespaces, it listens in each of them. */
export function startResponder(
  place: Place,
  address: string,
  names: string,
  namespaces: readonly string[],
  port = PORT,
): Server {
  const file = place.write(`responder-${port}.names`, names);
  const command = [compile(SOURCE), address, String(port), file, ...namespaces];
  return { ...server("C responder", place, address, command), port };
}
