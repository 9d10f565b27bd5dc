import type { Name } from "../wire/message.ts";
import { labelsOf } from "../wire/name.ts";

/** One way to read a question: a name in any network, or in the network that the rest of the question names. */
export interface Candidate {
  readonly name: Name;
  readonly network: Name | undefined;
}

/**
 * `a.b.c.` is `a.b.c.` anywhere, then `a.b.` in network `c.`, then `a.` in network `b.c.`, in this order (observed:
 * Docker's), since names of containers and of networks may contain dots. `qname` is folded.
 */
export function candidatesOf(qname: Name): Candidate[] {
  const candidates: Candidate[] = [{ name: qname, network: undefined }];
  let end = qname.length;
  for (const label of labelsOf(qname).slice(1).reverse()) {
    end -= label.length + 1;
    candidates.push({ name: qname.slice(0, end), network: qname.slice(end) });
  }
  return candidates;
}
