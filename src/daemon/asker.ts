import type { QueryReport, QueryRequest } from "../api/control.ts";
import type { Clock } from "../base/clock.ts";
import { CodedError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { Container } from "../registry/model.ts";
import type { Registry } from "../registry/registry.ts";
import type { Answer, Query, Resolver } from "../resolver/resolver.ts";
import { noTrace, type Trace } from "../resolver/trace.ts";
import { respond } from "../server/respond.ts";
import { RrClass, typeNumber } from "../wire/iana.ts";
import type { Question } from "../wire/message.ts";
import { nameFromText } from "../wire/name.ts";
import { queryReport } from "./reports.ts";

/** What is needed to put questions on somebody's behalf. */
export interface Asking {
  readonly registry: Registry;
  readonly resolver: () => Resolver;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Puts a question on somebody's behalf, through the pipeline that everybody's questions go through. */
export function asker(asking: Asking): (request: QueryRequest) => Promise<QueryReport> {
  return async (request) => {
    const question = questionOf(request, "query");
    const container = request.from === undefined ? undefined : containerNamed(asking.registry, request.from);
    const { answer, ms } = await ask(asking, question, container, noTrace);
    return queryReport(question, container?.name ?? null, answer, ms);
  };
}

/** Never throws: a failure is an answer, as it is for clients. */
export async function ask(
  { resolver, clock, log, signal }: Asking,
  question: Question,
  container: Container | undefined,
  trace: Trace,
): Promise<{ readonly answer: Answer; readonly ms: number }> {
  const query: Query = {
    question,
    client: { sandbox: container?.key, transport: "control" },
    rd: true,
    cd: false,
    ad: false,
    do: false,
    signal,
    trace,
  };
  const begin = clock.now();
  const answer = await respond(resolver(), query, log);
  return { answer, ms: clock.now() - begin };
}

/** Throws a CodedError USAGE, with an example of this command. */
export function questionOf(
  request: { readonly name: string; readonly type: string },
  command: string,
): Question {
  const name = nameFromText(request.name);
  const type = typeNumber(request.type);
  const usage = (message: string) =>
    new CodedError("USAGE", message, { remedy: `ask like this: eleven ${command} web.shop AAAA` });
  if (name === undefined) throw usage(`Cannot ask for "${request.name}": it is not a domain name`);
  if (type === undefined) throw usage(`Cannot ask for type "${request.type}": there is no such type`);
  return { name, type, class: RrClass.IN };
}

/** Throws a CodedError NO_SUCH_CONTAINER. */
export function containerNamed(registry: Registry, text: string): Container {
  const container = registry.findContainer(text);
  if (container !== undefined) return container;
  const remedy = "see the containers with `eleven records`";
  throw new CodedError("NO_SUCH_CONTAINER", `Cannot ask as "${text}": no source knows it`, { remedy });
}
