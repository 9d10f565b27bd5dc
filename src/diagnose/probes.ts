import { RrType } from "../wire/iana.ts";
import type { Name } from "../wire/message.ts";
import type { Reply } from "./ask.ts";
import { type Context, oncePerRun } from "./context.ts";
import { type AskedServer, askedServers } from "./servers.ts";

/** What a server does with questions that nobody minds. */
export interface Probe extends AskedServer {
  /** Why it is taken for dead: it answered nothing at all. */
  readonly dead: string | undefined;
  /** It answered for the IPv4 addresses of this name, but not, asked for them twice, for the IPv6 ones. */
  readonly dropsAaaaOf: Name | undefined;
}

/** The first is answered without asking anybody, by most; the second (RFC 6761 §6.5) is what everybody's servers know. */
const NAMES: readonly Name[] = ["localhost.", "example.com."];

/** Every server that somebody asks, tried out; once a run. */
export const probes = oncePerRun(
  async (context: Context): Promise<readonly Probe[]> =>
    Promise.all((await askedServers(context)).map((server) => probe(context, server))),
);

async function probe({ ask }: Context, asked: AskedServer): Promise<Probe> {
  const { server, dialer } = asked;
  const put = (name: Name, type: number): Promise<Reply> => ask({ server, dialer, name, type });
  const pairs = await Promise.all(
    NAMES.map(async (name) => {
      const [a, aaaa] = await Promise.all([put(name, RrType.A), put(name, RrType.AAAA)]);
      return { name, a, aaaa };
    }),
  );
  const isAlive = pairs.some(({ a, aaaa }) => a.message !== undefined || aaaa.message !== undefined);
  const suspect = pairs.find(({ a, aaaa }) => a.message !== undefined && aaaa.message === undefined);
  // By now it has the answer at hand, if it was only slow to find it.
  const again = suspect === undefined ? undefined : await put(suspect.name, RrType.AAAA);
  return {
    ...asked,
    dead: isAlive ? undefined : (pairs[0]?.a.why ?? "no answer"),
    dropsAaaaOf: again?.message === undefined ? suspect?.name : undefined,
  };
}
