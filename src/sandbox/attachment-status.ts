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
