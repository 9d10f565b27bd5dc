/**
 * Who of the servers that are not down is asked first.
 *
 * - `ordered`: as in the list. Its order is a preference, as in resolv.conf, and the first may know names that the
 *   others have never heard of;
 * - `fastest`: by smoothed round-trip time; those not yet measured come last, and are measured aside;
 * - `random`: drawn anew for each query.
 */
export const POLICIES = ["ordered", "fastest", "random"] as const;

export type Policy = (typeof POLICIES)[number];
