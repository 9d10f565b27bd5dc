import { Rcode, RrType } from "../wire/iana.ts";
import { type Family, muslHosts } from "./hosts.ts";
import { muslSend } from "./musl-send.ts";
import { NetworkError } from "./network.ts";
import { numericAddress } from "./numeric.ts";
import { type AddressType, allAddresses, makeQuery } from "./query.ts";
import { nameAsTyped } from "./sendable-name.ts";
import {
  type EaiError,
  type Found,
  found,
  type LookupRequest,
  notFound,
  type Stub,
  v4Mapped,
} from "./stub.ts";
import type { StubConf } from "./stub-conf.ts";

/** What has changed with 1.2.4. */
export interface MuslVersion {
  /** A truncated reply is followed up over TCP, and a name without addresses is EAI_NODATA, no longer EAI_NONAME. */
  readonly isBefore124: boolean;
}

/**
 * `getaddrinfo` of musl for a name: the name itself an address, the hosts file, DNS. AI_V4MAPPED makes of AF_INET6 a
 * lookup of both families whose result is translated.
 */
export async function muslLookup(
  stub: Stub,
  conf: StubConf,
  hosts: string,
  request: LookupRequest,
  version: MuslVersion,
): Promise<Found> {
  const { name, v4mapped, all } = request;
  const nodata: EaiError = version.isBefore124 ? "EAI_NONAME" : "EAI_NODATA";
  const asked = configuredFamily(stub, request);
  const isOther = request.family !== "any" && asked !== request.family;
  if (isOther && version.isBefore124) return notFound(nodata);
  const isMapped = v4mapped && asked === "inet6";
  const family: Family = isMapped ? "any" : asked;

  const answer = await backends(stub, conf, hosts, name, family, version);
  // Later versions ask for the family that there is, only to learn whether the name exists.
  if (isOther && answer.error === null) return notFound(nodata);
  if (answer.error !== null || !isMapped) return answer;
  const v6 = answer.addresses.filter((address) => address.includes(":"));
  return found((v6.length > 0 && !all ? v6 : answer.addresses).map(v4Mapped));
}

async function backends(
  stub: Stub,
  conf: StubConf,
  hosts: string,
  name: string,
  family: Family,
  version: MuslVersion,
): Promise<Found> {
  const nodata: EaiError = version.isBefore124 ? "EAI_NONAME" : "EAI_NODATA";
  if (name === "") {
    stub.timeline.add({ event: "give-up", text: "the name is empty: nothing is looked up" });
    return notFound("EAI_NONAME");
  }
  if (name.length > 254) return notSent(stub);
  const literal = numericAddress(name);
  if (literal !== undefined) {
    if (family !== "any" && literal.includes(":") !== (family === "inet6")) return notFound(nodata);
    stub.timeline.add({ event: "hosts", answers: [literal], text: "the name is an address itself" });
    return found([literal]);
  }
  const listed = muslHosts(hosts, name, family);
  if (listed.addresses.length > 0) {
    stub.timeline.add({
      event: "hosts",
      answers: listed.addresses,
      text: "the hosts file has the name: DNS is not asked",
    });
    return found(listed.addresses);
  }
  if (listed.isOtherFamily) {
    stub.timeline.add({
      event: "hosts",
      text: "the hosts file has the name in the other family only, which ends it",
    });
    return notFound(nodata);
  }
  return await search(stub, conf, name, family, version);
}

/**
 * With `ndots` dots or more, or a dot at its end, the name is asked as it is and nothing else. Otherwise the search list
 * comes first, and goes on after NXDOMAIN only; then the name as it is.
 */
async function search(
  stub: Stub,
  conf: StubConf,
  name: string,
  family: Family,
  version: MuslVersion,
): Promise<Found> {
  if (name.endsWith("..") || name === ".") return notSent(stub);
  const dots = name.split(".").length - 1;
  const isAsIs = dots >= conf.ndots || name.endsWith(".");
  for (const domain of isAsIs ? [] : conf.search) {
    const answer = await askOne(stub, conf, `${name}.${domain}`, family, version);
    if (answer !== undefined) return answer;
  }
  return (await askOne(stub, conf, name, family, version)) ?? notFound("EAI_NONAME");
}

/** Undefined for NXDOMAIN, with which a search goes on. A and AAAA must both be answered. */
async function askOne(
  stub: Stub,
  conf: StubConf,
  text: string,
  family: Family,
  version: MuslVersion,
): Promise<Found | undefined> {
  const name = nameAsTyped(text);
  if (name === undefined) return notSent(stub);
  const types: AddressType[] = [];
  if (family !== "inet6") types.push(RrType.A);
  if (family !== "inet") types.push(RrType.AAAA);
  const first = stub.random();
  const queries = types.map((type, i) => makeQuery((first + i) & 0xffff, name, type));
  const replies = await muslSend(stub, conf, queries, !version.isBefore124).catch((error: unknown) => {
    if (!(error instanceof NetworkError)) throw error;
    stub.timeline.add({ event: "error", text: error.code });
  });
  if (replies === undefined) return notFound("EAI_SYSTEM");

  const addresses: string[] = [];
  for (const query of queries) {
    const reply = replies.get(query);
    if (reply === undefined) {
      const half =
        replies.size > 0 ? "one of A and AAAA was never answered, so the other is not used" : "no answer";
      stub.timeline.add({ event: "give-up", qname: name, text: half });
      return notFound("EAI_AGAIN");
    }
    if (reply.rcode === Rcode.NXDOMAIN) return undefined;
    addresses.push(...allAddresses(reply));
  }
  if (addresses.length > 0) return found(addresses);
  stub.timeline.add({
    event: "give-up",
    qname: name,
    text: "the name has no address, which ends the search",
  });
  return notFound(version.isBefore124 ? "EAI_NONAME" : "EAI_NODATA");
}

function notSent({ timeline }: Stub): Found {
  timeline.add({
    event: "give-up",
    text: "DNS is not asked: a domain name has labels of 1 to 63 octets, and 253 with the dots",
  });
  return notFound("EAI_NONAME");
}

/** AI_ADDRCONFIG asks whether the loopback address of a family can be reached, and no more; else it is the other one. */
function configuredFamily({ network }: Stub, { family, addrconfig }: LookupRequest): Family {
  if (!addrconfig) return family;
  const local = network.localAddresses();
  const hasV4 = local.some((address) => !address.includes(":"));
  const hasV6 = local.some((address) => address.includes(":"));
  if (family === "any") return hasV4 === hasV6 ? "any" : hasV4 ? "inet" : "inet6";
  if (family === "inet") return hasV4 ? "inet" : "inet6";
  return hasV6 ? "inet6" : "inet";
}
