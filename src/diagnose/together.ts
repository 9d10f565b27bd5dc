/** Several containers with the same fault, which is told once. */
export interface Group<T> {
  readonly first: T;
  /** For the finding's subject: `web-1, web-2, web-3 and 197 others`. */
  readonly subject: string;
  /** Of all. */
  readonly containers: readonly string[];
}

/** So many names are told one by one. */
const TOLD = 3;

/** Puts together what has the same evidence; `of` names the container of a case. */
export function together<T>(
  cases: readonly T[],
  { of, evidence }: { of: (one: T) => string; evidence: (one: T) => unknown },
): Group<T>[] {
  const groups = new Map<string, T[]>();
  for (const one of cases) {
    const kind = JSON.stringify(evidence(one));
    groups.set(kind, [...(groups.get(kind) ?? []), one]);
  }
  return [...groups.values()].map((group) => {
    const containers = group.map(of);
    return { first: group[0]!, subject: listed(containers), containers };
  });
}

/** The first names, and how many there are besides. */
export function listed(names: readonly string[]): string {
  const others = names.length - TOLD;
  if (others <= 0) return names.join(", ");
  return `${names.slice(0, TOLD).join(", ")} and ${others} ${others === 1 ? "other" : "others"}`;
}
