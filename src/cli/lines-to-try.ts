import type { Control } from "../api/control.ts";
import type { SocketAddress } from "../base/address.ts";
import { hostAddress } from "./host-address.ts";

/** What a daemon that has just started has to try out. */
export interface Offer {
  readonly records: ReturnType<Control["records"]>;
  /** The first of `listen:`, as it was opened. */
  readonly listener: SocketAddress | undefined;
  /** Whether a container, by its key, can be attached. */
  readonly canAttach: (sandbox: string) => boolean;
  /** As one types the program here, and the option that names the daemon's socket. */
  readonly eleven: string;
  readonly socket: string;
}

/** Lines that work as they stand, with a name that has an address: of a container that runs. */
export function linesToTry({ records, listener, canAttach, eleven, socket }: Offer): string[] {
  // A link's name is seen by one container only, and has the address of another.
  const usable = records.filter((each) => each.kind !== "link" && each.addresses.length > 0 && isPlain(each));
  const ofEngines = usable.filter(({ source, sandbox }) => source.startsWith("docker") && canAttach(sandbox));
  const record = bestOf(ofEngines) ?? bestOf(usable);
  if (record === undefined) return [`${eleven} status${socket}`];
  const name = `${record.name}.${record.network}`;
  const isShared = records.some(
    ({ container, sandbox }) => container === record.container && sandbox !== record.sandbox,
  );
  const container = isShared ? record.sandbox : record.container;
  const lines = [`${eleven} query ${name} --from ${container}${socket}`];
  if (listener !== undefined) {
    const { address, port } = hostAddress(listener);
    lines.unshift(`dig @${address} -p ${port} ${name}`);
  }
  if (ofEngines.includes(record))
    lines.push(
      `${eleven} attach ${container}${socket}   # answers its 127.0.0.11 in Docker's place; detach undoes it`,
    );
  return lines;
}

type Row = Offer["records"][number];

function bestOf(records: readonly Row[]): Row | undefined {
  const first = (kind: Row["kind"]) => records.find((each) => each.kind === kind);
  return first("alias") ?? first("container-name") ?? records[0];
}

/** To a shell as well: an alias may be anything, and comes from whoever wrote a compose file. */
function isPlain({ name, network, container, sandbox }: Row): boolean {
  return PLAIN_NAME.test(`${name}.${network}`) && PLAIN_WORD.test(container) && PLAIN_WORD.test(sandbox);
}

const PLAIN_NAME = /^\w[\w-]{0,62}(\.[\w-]{1,63})*$/;
const PLAIN_WORD = /^\w[\w.:/@-]*$/;
