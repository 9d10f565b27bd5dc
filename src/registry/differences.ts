import { isDeepStrictEqual } from "node:util";
import { CodedError } from "../base/errors.ts";
import type { Holders } from "./holders.ts";
import type { Change, Container } from "./model.ts";

/**
 * The containers, by key, that a change wants otherwise than they are; undefined means gone. A source disposes of
 * its own containers only: it cannot remove another's, and to claim one is a CodedError SOURCE.
 */
export function differences(change: Change, holders: Holders): Map<string, Container | undefined> {
  const wanted = wantedBy(change, holders);
  for (const [key, container] of wanted) {
    const holder = holders.get(key);
    const isOwn = holder?.source === change.source;
    if (holder !== undefined && !isOwn && container !== undefined) {
      throw new CodedError(
        "SOURCE",
        `Cannot apply "${change.cause}": container ${key} belongs to ${holder.source}`,
      );
    }
    if (isDeepStrictEqual(isOwn ? holder.container : undefined, container)) wanted.delete(key);
  }
  return wanted;
}

function wantedBy(change: Change, holders: Holders): Map<string, Container | undefined> {
  if (change.kind === "put") return new Map([[change.container.key, change.container]]);
  if (change.kind === "remove") return new Map([[change.key, undefined]]);
  const wanted = new Map<string, Container | undefined>();
  for (const key of holders.keysOf(change.source)) wanted.set(key, undefined);
  for (const container of change.snapshot.containers) wanted.set(container.key, container);
  return wanted;
}
