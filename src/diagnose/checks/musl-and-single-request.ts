import { parseResolvConf } from "../../base/resolv-conf.ts";
import type { Check } from "../check.ts";
import { type Stub, stubs } from "../stubs.ts";
import { together } from "../together.ts";

/**
 * What people set against slow or lost answers. Of others that musl passes over (`edns0`, `trust-ad`, which
 * systemd-resolved writes), nobody expects that they change anything.
 */
const MEANT = /^(?:rotate|single-request|use-vc|no-aaaa)/;
/** What musl takes at most. */
const CAPS: Readonly<Record<string, number>> = { ndots: 15, timeout: 60, attempts: 10 };

/** Somebody set an option of resolv.conf that the container's libc does not know. */
export const muslAndSingleRequest: Check = {
  code: "musl-and-single-request",
  async run(context) {
    const found = stubs(context);
    if ("skipped" in found) return found;
    if (found.every(({ libc }) => libc === undefined)) return { skipped: "no container's libc can be seen" };
    const inVain = found
      .filter(({ libc }) => libc === "musl")
      .map(reading)
      .filter(({ options }) => options.length > 0);
    const groups = together(inVain, { of: ({ container }) => container, evidence: ({ options }) => options });
    return groups.map(({ first: { options }, subject, containers }) => ({
      severity: "warning" as const,
      subject,
      text: `The libc in there is musl, and does not do as resolv.conf says: ${options.join(", ")} ${options.length === 1 ? "has" : "have"} no effect. musl asks all nameservers at once, A and AAAA together, whatever is set.`,
      evidence: { containers, libc: "musl", ignored: options },
      remedy:
        "of all options musl knows ndots, timeout and attempts: to wait less for a lost answer set `--dns-option attempts:5`; for the others use an image with glibc",
    }));
  },
};

function reading({ sandbox: { container }, text }: Stub) {
  const { options } = parseResolvConf(text);
  return {
    container: container.name,
    options: options.filter((option) => MEANT.test(option) || isCapped(option)),
  };
}

function isCapped(option: string): boolean {
  const [name = "", value] = option.split(":");
  const cap = CAPS[name];
  return cap !== undefined && Number(value) > cap;
}
