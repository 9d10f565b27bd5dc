import { until } from "../../test/support/engine.ts";
import { compile } from "../compile.ts";
import type { Server } from "../peers/peer.ts";

const SOURCE = "load/ask.c";

/** What ask.c saw. */
export interface Asked {
  readonly queries: number;
  readonly answered: number;
  /** Of those: not NOERROR with a record. */
  readonly wrong: number;
  readonly lost: number;
  /** From the first query to the last answer. */
  readonly seconds: number;
  /** From query to answer. */
  readonly p50Us: number;
  readonly p99Us: number;
}

export interface Asking {
  /** Path of a file with a name on each line. */
  readonly names: string;
  /** Queries outstanding. */
  readonly window: number;
  /** It ends with whichever comes first; 0 is never. */
  readonly seconds: number;
  readonly queries: number;
  /** Asked from each in turn; none is the server's own. */
  readonly namespaces?: readonly string[];
}

/** Runs ask.c against the server; throws if an answer is wrong, or if it is not answered at all. */
export async function ask(server: Server, asking: Asking): Promise<Asked> {
  const asked = await tryAsking(server, asking);
  if (asked.wrong > 0 || asked.answered === 0)
    throw new Error(
      `Cannot measure ${server.name}: of ${asked.queries} queries, ${asked.answered} were answered, ${asked.wrong} of them wrongly\n${server.log()}`,
    );
  return asked;
}

async function tryAsking(server: Server, asking: Asking): Promise<Asked> {
  const { names, window, seconds, queries, namespaces = [] } = asking;
  const numbers = [window, seconds, queries].map(String);
  const args = [server.address, String(server.port), names, ...numbers, ...namespaces];
  const { status, stdout, stderr } = await server.run(program(), args, { timeoutMs: 600_000 });
  if (status !== 0) throw new Error(`Cannot ask ${server.name}: ${stderr}`);
  return JSON.parse(stdout) as Asked;
}

let compiled: string | undefined;
const program = (): string => {
  compiled ??= compile(SOURCE);
  return compiled;
};

/** Resolves when the server answers, and has answered each of `count` names rightly. */
export async function answers(
  server: Server,
  names: string,
  count: number,
  namespaces: readonly string[] = [],
): Promise<void> {
  const one = { names, window: 1, seconds: 0, queries: 1, namespaces };
  await until(`${server.name} answers`, async () => (await tryAsking(server, one)).answered === 1);
  await ask(server, { ...one, queries: Math.max(count, namespaces.length) });
}
