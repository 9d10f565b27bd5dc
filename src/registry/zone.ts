import { canonicalAddress } from "../base/address.ts";
import { ResolveFailure } from "../resolver/failure.ts";
import { authoritative } from "../resolver/reply.ts";
import type { Answer, Query, Resolver } from "../resolver/resolver.ts";
import type { Trace } from "../resolver/trace.ts";
import { className, EdeCode, Rcode, RrClass, RrType, typeName } from "../wire/iana.ts";
import type { Question, Rdata, ResourceRecord } from "../wire/message.ts";
import { addressFromReverse } from "../wire/name.ts";
import { type Attempt, lookup, type Match } from "./lookup.ts";
import { isIpv6 } from "./order.ts";
import { causeOf } from "./provenance.ts";
import type { Registry } from "./registry.ts";
import { type ReverseMatch, reverseLookup } from "./reverse.ts";
import { shuffled } from "./shuffle.ts";
import type { View } from "./view.ts";

/**
 * The registry as a `Resolver`: answers for every name and every address that the client's view knows, whatever is
 * asked about it, so that none of them is ever asked for elsewhere; declines all others. There is no NXDOMAIN here.
 *
 * While an announced source has not been read, a name that is not known may be that source's: the query fails
 * instead of being declined. Names that are known already are answered.
 */
export function registryZone(options: {
  readonly registry: Registry;
  /** Seconds. */
  readonly ttl: () => number;
  /** 0 <= x < 1: decides the order of addresses. */
  readonly random?: () => number;
}): Resolver {
  const { registry, ttl, random = Math.random } = options;
  function resolve(query: Query): Promise<Answer> | undefined {
    const found = find(query);
    return found && Promise.resolve(found);
  }

  function find({ question, client, trace }: Query): Answer | undefined {
    const { index } = registry;
    const view = registry.view(client.sandbox);
    trace.step(who, client.sandbox === undefined ? "the host's view" : "the container's view", () =>
      viewDetail(view, client.sandbox, registry),
    );

    const address = addressFromReverse(question.name);
    const reverse = address && reverseLookup(index, view, canonicalAddress(address));
    if (reverse) {
      trace.step(who, "address known", () => ({ ...reverse }));
      refuseOtherClasses(question, trace);
      return authoritative(records(question, pointers(question, reverse)));
    }

    const match = lookup(index, view, question.name);
    trace.step(who, "looked", () => ({ tried: attempts(registry, view, question) }));
    if (match !== undefined) {
      trace.step(who, "name known", () => matchDetail(match, question, registry));
      refuseOtherClasses(question, trace);
      return authoritative(records(question, addresses(question, match, trace)));
    }

    if (registry.holding) {
      const awaited = registry.awaited();
      trace.step(who, "failed: a source that may know the name has not been read yet", { awaited });
      throw new ResolveFailure({
        code: EdeCode.NOT_READY,
        text: `${awaited.join(", ")} has not been read yet`,
      });
    }
    trace.step(who, "declined: no such name or address in this view");
    return undefined;
  }

  /** What the type asked for makes of the data that there is; nothing makes it NODATA. */
  function records({ name, type }: Question, data: readonly Rdata[]): ResourceRecord[] {
    const seconds = ttl();
    const record = (of: number, rdata: Rdata) => ({
      name,
      type: of,
      class: RrClass.IN,
      ttl: seconds,
      data: rdata,
    });
    if (type === RrType.ANY) return [record(RrType.HINFO, minimalAny)];
    return data.map((rdata) => record(type, rdata));
  }

  function addresses({ type }: Question, match: Match, trace: Trace): Rdata[] {
    const kind = type === RrType.A ? "A" : type === RrType.AAAA ? "AAAA" : undefined;
    const ofFamily = match.addresses.filter((address) => isIpv6(address) === (kind === "AAAA"));
    const ordered = kind === undefined ? [] : shuffled(ofFamily, random);
    if (ordered.length === 0 && type !== RrType.ANY)
      trace.step(who, "NODATA: the name has no record of this type", () => ({ type: typeName(type) }));
    if (ordered.length > 1) trace.step(who, "shuffled", () => ({ addresses: ordered }));
    return ordered.map((address) => ({ kind: kind!, address }));
  }

  return { name: who, resolve };
}

function pointers({ type }: Question, { names }: ReverseMatch): Rdata[] {
  return type === RrType.PTR ? names.map((target) => ({ kind: "PTR", target })) : [];
}

const who = "registry";

/** RFC 8482 §4.2: one small record in place of all there are. */
const minimalAny: Rdata = { kind: "HINFO", cpu: new TextEncoder().encode("RFC8482"), os: new Uint8Array() };

/**
 * Our names exist in class IN only. Docker gives IN records to whichever class is asked, which no client can use; to
 * decline would let the name out to an upstream.
 */
function refuseOtherClasses({ name, class: rrclass }: Question, trace: Trace): void {
  if (rrclass === RrClass.IN || rrclass === RrClass.ANY) return;
  trace.step(who, "refused: containers have no records of this class", { class: className(rrclass) });
  const text = `${name} belongs to a container, which has no records of class ${className(rrclass)}`;
  throw new ResolveFailure({ code: EdeCode.NOT_SUPPORTED, text }, { rcode: Rcode.REFUSED });
}

function viewDetail(view: View, sandbox: string | undefined, registry: Registry): Record<string, unknown> {
  const { revision, ready } = registry;
  if (view === "host" || sandbox === undefined) return { networks: "all", revision, ready };
  const container = registry.container(sandbox)?.name ?? null;
  return { sandbox, container, networks: view.map(({ network }) => network), revision, ready };
}

/** The same lookup again, this time with somebody watching: it is made only for a trace that listens. */
function attempts(registry: Registry, view: View, { name }: Question): Attempt[] {
  const tried: Attempt[] = [];
  lookup(registry.index, view, name, (attempt) => tried.push(attempt));
  return tried;
}

function matchDetail(
  { network, via, candidate, addresses, owners }: Match,
  { type }: Question,
  registry: Registry,
): Record<string, unknown> {
  const boundBy = owners.map((owner) => ({ ...owner, cause: causeOf(registry, { ...owner, network }) }));
  return { network, via, name: candidate.name, type: typeName(type), addresses, boundBy };
}
