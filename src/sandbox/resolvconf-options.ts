/** Options of resolv.conf(5), glibc 2.41; musl knows the first three. */
const WITH_VALUE = ["ndots", "timeout", "attempts"];
const FLAGS = [
  "rotate",
  "edns0",
  "single-request",
  "single-request-reopen",
  "no-tld-query",
  "no-reload",
  "no-aaaa",
  "strict-error",
  "trust-ad",
  "use-vc",
];
/** Had a meaning once; glibc passes over them in silence. */
const OBSOLETE = ["debug", "inet6", "ip6-bytestring", "ip6-dotint", "no-ip6-dotint", "no-check-names"];

/** glibc cuts a greater value down to this. */
const MAX_NDOTS = 15;

export interface ChosenOptions {
  readonly options: readonly string[];
  /** Who chose the `ndots` that holds; undefined when there is none. */
  readonly ndotsFrom: "host" | "override" | "internal" | undefined;
  readonly notes: readonly string[];
}

/**
 * The container's options: the overrides, or else the host's. With the embedded resolver, `ndots:0` unless somebody
 * chose: then a name without a dot is asked as it is first, which is how containers are called.
 */
export function chooseOptions({
  host,
  overrides,
  mode,
}: {
  host: readonly string[];
  overrides: readonly string[];
  mode: "embedded" | "legacy";
}): ChosenOptions {
  const overridden = overrides.length > 0;
  const chosen = overridden ? overrides : host;
  const from = overridden ? "override" : "host";
  if (mode === "legacy")
    return { options: chosen, ndotsFrom: chosen.some(isNdots) ? from : undefined, notes: [] };
  const valid = chosen.filter((option) => !isNdots(option) || /^ndots:\+?\d+$/.test(option));
  const notes = chosen
    .filter((option) => !valid.includes(option))
    .map((option) => `option ${JSON.stringify(option)} has no number to it: left out`);
  return valid.some(isNdots)
    ? { options: valid, ndotsFrom: from, notes }
    : { options: [...valid, "ndots:0"], ndotsFrom: "internal", notes };
}

/** Options that do nothing, or not what they say. */
export function optionNotes(options: readonly string[]): string[] {
  return options.flatMap((option) => {
    const quoted = `option ${JSON.stringify(option)}`;
    // glibc 2.41: a minus in front takes a flag back.
    const [, name = "", value] = /^-?([^:]*)(?::(.*))?$/.exec(option) ?? [];
    if (OBSOLETE.includes(name)) return [`${quoted} has no effect any more`];
    if (![...WITH_VALUE, ...FLAGS].includes(name)) return [`${quoted} does not exist`];
    if (WITH_VALUE.includes(name) && !/^\d+$/.test(value ?? ""))
      return [`${quoted} needs a number, like ${name}:2`];
    if (name === "ndots" && Number(value) > MAX_NDOTS) return [`${quoted} is taken as ndots:${MAX_NDOTS}`];
    return [];
  });
}

function isNdots(option: string): boolean {
  return option.split(":", 1)[0] === "ndots";
}
