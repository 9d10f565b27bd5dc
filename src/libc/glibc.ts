import { RrType } from "../wire/iana.ts";
import { glibcSearch, type HostError } from "./glibc-search.ts";
import type { GlibcState } from "./glibc-state.ts";
import { type Family, glibcHosts } from "./hosts.ts";
import { numericAddress } from "./numeric.ts";
import { isHostName } from "./sendable-name.ts";
import {
  type EaiError,
  type Found,
  found,
  type LookupRequest,
  notFound,
  type Stub,
  v4Mapped,
} from "./stub.ts";

/**
 * `getaddrinfo` of glibc 2.36 for a name, with `hosts: files dns` in nsswitch.conf. An address of the name's own comes
 * first, then the hosts file, then DNS. For both families A and AAAA are asked in one go; AF_INET6 with AI_V4MAPPED
 * asks AAAA to the end, and A only if there was none, or with AI_ALL.
 */
export async function glibcLookup(
  stub: Stub,
  state: GlibcState,
  hosts: string,
  request: LookupRequest,
): Promise<Found> {
  const family = configuredFamily(stub, request);
  if (family === undefined) return notFound("EAI_NONAME");
  const { name } = request;
  const isMapped = family === "inet6" && request.v4mapped;

  const literal = numericAddress(name);
  if (literal !== undefined) return literalAnswer(stub, literal, family, isMapped);
  if (name === "") {
    stub.timeline.add({ event: "give-up", text: "the name is empty: nothing is looked up" });
    return notFound("EAI_NONAME");
  }

  const fromHosts = (wanted: Family): readonly string[] => glibcHosts(hosts, name, wanted).addresses;
  const listed = isMapped
    ? mappedAnswer(fromHosts("inet6"), () => fromHosts("inet"), request.all)
    : fromHosts(family);
  if (listed.length > 0) {
    stub.timeline.add({
      event: "hosts",
      answers: listed,
      text: "the hosts file has the name: DNS is not asked",
    });
    return found(listed);
  }
  if (!isHostName(name)) {
    stub.timeline.add({
      event: "give-up",
      text: "DNS is not asked: a host name has letters, digits, - and _ in labels of 1 to 63, and no - at its start",
    });
    return notFound("EAI_NONAME");
  }
  if (family !== "inet6") {
    const isBoth = family === "any" && !state.conf.flags.has("no-aaaa");
    const searched = await glibcSearch(stub, state, name, isBoth ? [RrType.A, RrType.AAAA] : [RrType.A]);
    return searched.addresses === undefined ? notFound(eaiOf(searched.error)) : found(searched.addresses);
  }
  return overIpv6(stub, state, request);
}

async function overIpv6(stub: Stub, state: GlibcState, request: LookupRequest): Promise<Found> {
  const { name, v4mapped, all } = request;
  const isDummy = state.conf.flags.has("no-aaaa");
  // With `no-aaaa` it asks for A to learn whether the name exists, and uses nothing of the answer.
  const v6 = await glibcSearch(stub, state, name, [isDummy ? RrType.A : RrType.AAAA]);
  const addresses = isDummy ? [] : (v6.addresses ?? []);
  const error: HostError = v6.addresses === undefined ? v6.error : "NO_DATA";
  if (!v4mapped || (addresses.length > 0 && !all))
    return addresses.length > 0 ? found(addresses) : notFound(eaiOf(error));

  const v4 = await glibcSearch(stub, state, name, [RrType.A]);
  const both = [...addresses, ...(v4.addresses ?? []).map(v4Mapped)];
  if (both.length > 0) return found(both);
  const errors = [eaiOf(error), eaiOf(v4.addresses === undefined ? v4.error : "NO_DATA")];
  if (errors.every((one) => one === "EAI_AGAIN")) return notFound("EAI_AGAIN");
  return notFound(errors.includes("EAI_NONAME") ? "EAI_NONAME" : "EAI_NODATA");
}

/** AI_ADDRCONFIG: any address but 127.0.0.1 and ::1 counts, a link-local one, too, so in most containers it is idle. */
function configuredFamily(
  { network, timeline }: Stub,
  { family, addrconfig }: LookupRequest,
): Family | undefined {
  if (!addrconfig) return family;
  const local = network.localAddresses();
  const hasV4 = local.some((address) => !address.includes(":") && address !== "127.0.0.1");
  const hasV6 = local.some((address) => address.includes(":") && address !== "::1");
  if (family === "any") return hasV4 === hasV6 ? "any" : hasV4 ? "inet" : "inet6";
  if (family === "inet" ? hasV4 : hasV6) return family;
  timeline.add({
    event: "give-up",
    text: `AI_ADDRCONFIG: this host has no ${family === "inet" ? "IPv4" : "IPv6"}`,
  });
  return undefined;
}

function literalAnswer({ timeline }: Stub, address: string, family: Family, isMapped: boolean): Found {
  const isV4 = !address.includes(":");
  const [, inner] = /^::ffff:([\d.]+)$/i.exec(address) ?? [];
  const fit =
    family === "any" || isV4 === (family === "inet") ? address : family === "inet" ? inner : undefined;
  const answer = fit ?? (isV4 && isMapped ? v4Mapped(address) : undefined);
  if (answer === undefined) return notFound("EAI_ADDRFAMILY");
  timeline.add({ event: "hosts", answers: [answer], text: "the name is an address itself" });
  return found([answer]);
}

function mappedAnswer(v6: readonly string[], v4: () => readonly string[], all: boolean): readonly string[] {
  return v6.length > 0 && !all ? v6 : [...v6, ...v4().map(v4Mapped)];
}

function eaiOf(error: HostError): EaiError {
  return error === "TRY_AGAIN" ? "EAI_AGAIN" : error === "NO_DATA" ? "EAI_NODATA" : "EAI_NONAME";
}
