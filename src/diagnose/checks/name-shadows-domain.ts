import { randomBytes } from "node:crypto";
import type { ServerAddress } from "../../base/server-address.ts";
import { foldedName } from "../../registry/folded-name.ts";
import type { RegistryRecord } from "../../registry/model.ts";
import { hostDialer } from "../../upstream/dialer.ts";
import { Rcode, RrType } from "../../wire/iana.ts";
import type { Name } from "../../wire/message.ts";
import { isSubdomain, labelsOf } from "../../wire/name.ts";
import type { Check, Found } from "../check.ts";
import type { Context } from "../context.ts";
import { listed } from "../together.ts";

/** Nobody's but the local network's: to have a name there is no surprise (RFC 6761, RFC 6762, RFC 8375, ICANN). */
const LOCAL = [
  "localhost.",
  "invalid.",
  "onion.",
  "test.",
  "example.",
  "local.",
  "internal.",
  "home.arpa.",
  "alt.",
];

/** A name in the registry is also the name of something outside, which nobody in that network can reach any more. */
export const nameShadowsDomain: Check = {
  code: "name-shadows-domain",
  async run(context) {
    const asked = questions(context);
    const split = [...context.config.domains.keys()];
    const under = (name: Name) => split.find((domain) => isSubdomain(name, domain));
    const hidden: Hidden[] = [];
    const outside: Question[] = [];
    for (const question of asked) {
      const domain = under(question.name);
      if (domain !== undefined) hidden.push({ question, domain, addresses: [] });
      else if (isPublic(question.name)) outside.push(question);
    }
    const server = outside.length === 0 ? undefined : await honestUpstream(context);
    if (server !== undefined) {
      const exists = existence(context, server);
      const found = await Promise.all(
        outside.map(async (question) => {
          const addresses = await exists(question.name);
          return addresses === undefined ? [] : [{ question, domain: undefined, addresses }];
        }),
      );
      hidden.push(...found.flat());
    } else if (outside.length > 0 && hidden.length === 0) {
      return { skipped: nobodyHonest(context) };
    }
    return findings(hidden);
  },
};

/** Something that a container may ask for, and is then answered from the registry. */
interface Question {
  readonly name: Name;
  readonly record: RegistryRecord;
  /** Whether the end of it is the network's name. */
  readonly isQualified: boolean;
}

interface Hidden {
  readonly question: Question;
  /** The split DNS domain it is in; undefined for what the upstreams know. */
  readonly domain: Name | undefined;
  /** What it is outside. */
  readonly addresses: readonly string[];
}

function questions({ registry }: Context): Question[] {
  return registry
    .records()
    .filter(({ kind }) => kind !== "short-id")
    .flatMap((record) => [
      { text: record.name, record, isQualified: false },
      ...(record.kind === "link"
        ? []
        : [{ text: `${record.name}.${record.network}`, record, isQualified: true }]),
    ])
    .flatMap(({ text, ...rest }) => {
      const name = foldedName(text);
      return name === undefined ? [] : [{ name, ...rest }];
    });
}

function isPublic(name: Name): boolean {
  return labelsOf(name).length > 1 && !LOCAL.some((domain) => isSubdomain(name, domain));
}

/** The first upstream that says of a name which can't exist that it does not; others know everything, or nothing. */
async function honestUpstream({ ask, upstreams }: Context): Promise<ServerAddress | undefined> {
  const name = `${randomBytes(8).toString("hex")}.`;
  const replies = await Promise.all(
    upstreams.map((server) => ask({ dialer: hostDialer, server, name, type: RrType.A })),
  );
  return upstreams.find((_, index) => replies[index]?.message?.header.rcode === Rcode.NXDOMAIN);
}

function nobodyHonest({ upstreams }: Context): string {
  return upstreams.length === 0
    ? "there is no upstream to ask which names exist outside"
    : "no upstream answers NXDOMAIN to a name that can't exist, so none can be asked which names exist outside";
}

/**
 * Tells the IPv4 addresses of a name that exists outside, undefined for others. From the top downwards, so that what is
 * under a domain that does not exist (RFC 8020) stays with us.
 */
function existence({ ask }: Context, server: ServerAddress): (name: Name) => Promise<string[] | undefined> {
  const known = new Map<Name, Promise<string[] | undefined>>();

  async function find(name: Name): Promise<string[] | undefined> {
    const [, ...above] = labelsOf(name);
    if (above.length > 0 && (await exists(`${above.join(".")}.`)) === undefined) return undefined;
    const { message } = await ask({ dialer: hostDialer, server, name, type: RrType.A });
    if (message?.header.rcode !== Rcode.NOERROR) return undefined;
    return message.answers.flatMap(({ data }) => (data.kind === "A" ? [data.address] : []));
  }

  function exists(name: Name): Promise<string[] | undefined> {
    const found = known.get(name) ?? find(name);
    known.set(name, found);
    return found;
  }
  return exists;
}

/** One for each name, whoever holds it; those that a network's name makes are one for each network. */
function findings(hidden: readonly Hidden[]): Found[] {
  const groups = new Map<string, Hidden[]>();
  for (const one of hidden) {
    const { isQualified, record, name } = one.question;
    const key = JSON.stringify([
      one.domain ?? null,
      isQualified ? record.network : null,
      isQualified ? null : name,
    ]);
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()].map(finding);
}

function finding(group: readonly Hidden[]): Found {
  const { question, domain } = group[0]!;
  const { network } = question.record;
  const names = [...new Set(group.map((one) => one.question.name.slice(0, -1)))];
  const containers = [...new Set(group.map((one) => one.question.record.container))];
  const networks = [...new Set(group.map((one) => one.question.record.network))];
  const real =
    domain === undefined
      ? "which exists outside, too"
      : `for which ${domain.slice(0, -1)} has servers of its own under \`domains:\``;
  const subject = question.isQualified ? `network ${network}` : names[0]!;
  return {
    severity: "warning",
    subject,
    text: `Containers of network ${listed(networks)} that ask for ${listed(names)}, ${real}, are told the address of ${listed(containers)}${question.isQualified ? `, since the network is called "${network}"` : ""}; what is outside can't be reached by that name.`,
    evidence: {
      names,
      containers,
      networks,
      kinds: [...new Set(group.map((one) => one.question.record.kind))],
      outside: [...new Set(group.flatMap(({ addresses }) => addresses))],
      domain: domain?.slice(0, -1) ?? null,
    },
    remedy: question.isQualified
      ? "nothing, if that is meant; else give the network a name that is no domain: one without dots that is no top-level domain, or one under .internal"
      : "nothing, if that is meant; else give the container a name without dots, or one under .internal",
  };
}
