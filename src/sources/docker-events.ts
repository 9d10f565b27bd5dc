import { z } from "zod";
import { nameOf } from "./docker-snapshot.ts";

/** What an event of the engine says we have to look at anew; `cause` is for people. */
export type EngineEvent = { readonly cause: string } & (
  | {
      readonly kind: "container";
      readonly id: string;
      /** Id of the network that it was attached to. */
      readonly joins?: string;
      /** Milliseconds since 1970 by the engine's clock, when its process ended. */
      readonly diedAt?: number;
    }
  | { readonly kind: "networks" }
  /** Services, nodes, or what can't be understood: everything. */
  | { readonly kind: "all" }
);

/** The events that can change a name or an address; health checks alone are several a second on a busy host. */
export const EVENT_FILTERS = {
  type: ["container", "network", "service", "node"],
  event: [
    ...["create", "start", "die", "stop", "restart", "pause", "unpause", "rename", "update", "destroy"],
    ...["connect", "disconnect", "remove"],
  ],
} as const;

const engineEvent = z.object({
  Type: z.string(),
  Action: z.string(),
  timeNano: z.number().nullish(),
  Actor: z.object({ ID: z.string(), Attributes: z.record(z.string(), z.string()).nullish() }),
});

/** Reads one event, a JSON object as the engine writes it. What can't be read is a doubt, not an error. */
export function readEvent(line: string): EngineEvent {
  const { data } = engineEvent.safeParse(jsonOf(line));
  if (data === undefined) return { kind: "all", cause: "docker event that can't be understood" };
  const { Type, Action, Actor, timeNano } = data;
  const { name, container } = Actor.Attributes ?? {};
  if (Type === "container") {
    const label = nameOf(name ?? Actor.ID.slice(0, 12));
    const isDeath = Action === "die" && typeof timeNano === "number";
    return {
      kind: "container",
      id: Actor.ID,
      cause: `docker event: ${Action} ${label}`,
      ...(isDeath && { diedAt: timeNano / 1e6 }),
    };
  }
  if (Type !== "network")
    return { kind: "all", cause: `docker event: ${Type} ${Action} ${name ?? Actor.ID}` };
  const cause = `docker event: network ${Action} ${name ?? Actor.ID}`;
  if (container === undefined || container === "") return { kind: "networks", cause };
  return { kind: "container", id: container, cause, ...(Action === "connect" && { joins: Actor.ID }) };
}

/** Undefined if it is none. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Gives `take` each whole line of a stream of chunks. */
export function lines(take: (line: string) => void): (chunk: string) => void {
  let rest = "";
  return (chunk) => {
    const parts = (rest + chunk).split("\n");
    rest = parts.pop() ?? "";
    for (const line of parts) if (line.trim() !== "") take(line);
  };
}
