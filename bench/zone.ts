/** A name with its IPv4 address, as every server under test is told. */
export interface Host {
  readonly name: string;
  readonly address: string;
}

const PER_BLOCK = 250;

/** `count` names `PREFIX-0`, `PREFIX-1`, ... with an address each, from 10.`second`.0.1 on. */
export function hosts(count: number, prefix = "web", second = 5): Host[] {
  return Array.from({ length: count }, (_, index) => {
    const block = Math.floor(index / PER_BLOCK);
    const address = `10.${second + Math.floor(block / PER_BLOCK)}.${block % PER_BLOCK}.${(index % PER_BLOCK) + 1}`;
    return { name: `${prefix}-${index}`, address };
  });
}

/** Lines `name address`, as responder.c, and ask.c, read them. */
export const nameLines = (zone: readonly Host[]): string =>
  zone.map(({ name, address }) => `${name} ${address}\n`).join("");

/** Lines as dnsperf reads them: an A query each. */
export const queryLines = (names: readonly string[]): string => names.map((name) => `${name} A\n`).join("");

/** The zone as a file source: one network, a container for each name. */
export function fileSource(zone: readonly Host[], network = "shop"): string {
  const container = ({ name, address }: Host): string =>
    `  ${name}: { networks: { ${network}: { ipv4: ${address} } } }\n`;
  return `networks: { ${network}: {} }\ncontainers:\n${zone.map(container).join("")}`;
}
