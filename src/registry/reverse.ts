import type { Name } from "../wire/message.ts";
import { nameFromText } from "../wire/name.ts";
import type { IndexView } from "./name-index.ts";
import { byText } from "./order.ts";
import type { View } from "./view.ts";

/** Whose address it is, as one view sees it. */
export interface ReverseMatch {
  readonly network: string;
  /** `container.network.`, each once, sorted. None if no DNS name can be made of them. */
  readonly names: readonly Name[];
  /** Names of the containers, as configured. */
  readonly containers: readonly string[];
}

/**
 * The containers that have an address in the first network of the view where somebody has it; undefined if nobody
 * does. The names are container names, never aliases (observed: Docker's PTR). A container whose name can't be a
 * DNS name still owns its address: the answer is then empty, because asking elsewhere would tell a local address
 * to an upstream.
 */
export function reverseLookup(index: IndexView, view: View, address: string): ReverseMatch | undefined {
  const networks =
    view === "host" ? [...index.networksOfAddress(address)].sort(byText) : view.map((p) => p.network);
  for (const network of networks) {
    const owners = index.owners(address, network);
    if (owners === undefined) continue;
    const containers = [...owners].map(({ name }) => name).sort(byText);
    const names = containers.map((name) => qualified(name, network)).filter((name) => name !== undefined);
    return { network, names: [...new Set(names)], containers };
  }
  return undefined;
}

/** The case is that of the configuration (observed: Docker's). */
function qualified(container: string, network: string): Name | undefined {
  const [name, zone] = [nameFromText(container), nameFromText(network)];
  if (name === undefined || zone === undefined || name === "." || zone === ".") return undefined;
  return nameFromText(name + zone);
}
