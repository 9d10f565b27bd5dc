import type { Container } from "../registry/model.ts";

/** Why a container is not as somebody wants it, and what he can do. */
export interface Failure {
  readonly reason: string;
  readonly remedy?: string;
}

export const NOBODY: Failure = {
  reason: "no source knows such a container",
  remedy: "see the containers with `eleven records`",
};
export const BY_HAND: Failure = {
  reason: "handed back by hand",
  remedy: "take it over again with `eleven attach`",
};

export function withoutNamespace({ netnsMissing }: Container): Failure {
  return WITHOUT_NAMESPACE[netnsMissing ?? "unsaid"];
}

const WITHOUT_NAMESPACE = {
  stopped: { reason: "it does not run", remedy: "start it: it is attached then" },
  host: {
    reason: "it has the host's network, and no 127.0.0.11 of its own",
    remedy:
      "leave it: it asks the servers of the host, which find containers with what `eleven resolved` prints",
  },
  unseen: {
    reason: "its network namespace is not seen from here",
    remedy: "run eleven on the engine's machine; in a container, with the options of packaging/compose.yaml",
  },
  unsaid: {
    reason: "its source does not say where its network namespace is (no netns)",
    remedy: "give the container `netns:` in the file source",
  },
} as const satisfies Record<string, Failure>;
