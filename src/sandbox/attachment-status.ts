import { isUnmounted } from "../linux/namespace.ts";

export interface AttachmentStatus {
  /** `Container.key` */
  readonly sandbox: string;
  readonly name: string;
  /**
   * `waiting`: its namespace is not there (yet, or any more), or not ready, as a container's that is just starting
   * or ending. `failed`: somebody has to do something.
   */
  readonly state: "attached" | "waiting" | "failed";
  /** Always there unless `attached`; then it tells whose view is served, where containers share a namespace. */
  readonly reason?: string | undefined;
  readonly remedy?: string | undefined;
  /** ISO 8601: since when this state and reason hold. */
  readonly since: string;
}

/** The very same object if the change changes nothing, so that no news is seen to be none. */
export function changed(
  status: AttachmentStatus,
  change: Pick<AttachmentStatus, "state" | "reason" | "remedy">,
  since: string,
): AttachmentStatus {
  const isSame =
    status.state === change.state && status.reason === change.reason && status.remedy === change.remedy;
  return isSame ? status : { sandbox: status.sandbox, name: status.name, ...change, since };
}

/** What is no failure yet: a container that is just starting looks like this, or one that has just ended. */
export function tooEarly(netns: string, errno: string | undefined) {
  if (errno === "ENOENT" || (errno === "EINVAL" && isUnmounted(netns))) return absent(netns);
  if (errno !== "EADDRNOTAVAIL" && errno !== "ENETUNREACH") return undefined;
  return { state: "waiting", reason: `lo is down in the network namespace ${netns}` } as const;
}

export function absent(netns: string) {
  return { state: "waiting", reason: `there is no network namespace ${netns}` } as const;
}

export function sharing(tenant: string) {
  return {
    state: "attached",
    reason: `shares the network namespace of ${tenant}, whose view it gets`,
  } as const;
}
