import {
  destinationPort,
  ipDestination,
  ipProtocol,
  ipSource,
  is,
  isForThisMachine,
  notrack,
  type Statement,
  sourcePort,
  type Table,
} from "../linux/nftables.ts";

const UDP = 17;
const TCP = 6;

/**
 * The rules that keep queries to these addresses, and answers from them, out of connection tracking, and so out of NAT:
 * kube-proxy's, which would send those for a service's address to its pods. A query is let alone only while this
 * machine has the address: from the moment at which it has not, whoever translates queries does so again. Answers
 * always leave as they are; a tracked one would make an entry that sends the client's next query to nobody.
 */
export function untrackedTable(name: string, addresses: readonly string[], port: number): Table {
  const queries = (address: string, protocol: number): Statement[] => [
    is(ipDestination, address),
    is(ipProtocol, protocol),
    is(destinationPort, port),
    isForThisMachine,
    notrack,
  ];
  const answers = (address: string, protocol: number): Statement[] => [
    is(ipSource, address),
    is(ipProtocol, protocol),
    is(sourcePort, port),
    notrack,
  ];
  const each = <T>(rule: (address: string, protocol: number) => T): T[] =>
    addresses.flatMap((address) => [rule(address, UDP), rule(address, TCP)]);
  return {
    name,
    sets: [],
    chains: [
      { hook: "prerouting", rules: each(queries) },
      // Those of this machine's own processes; then answers to everybody.
      { hook: "output", rules: [...each(queries), ...each(answers)] },
    ],
  };
}
