import type { QueryReport, QueryRequest } from "../api/control.ts";
import type { Clock } from "../base/clock.ts";
import { CodedError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { Container } from "../registry/model.ts";
import type { Registry } from "../registry/registry.ts";
import type { Query, Resolver } from "../resolver/resolver.ts";
import { noTrace } from "../resolver/trace.ts";
import { respond } from "../server/respond.ts";
import { RrClass, typeNumber } from "../wire/iana.ts";
import type { Question } from "../wire/message.ts";
import { nameFromText } from "../wire/name.ts";
import { queryReport } from "./reports.ts";

/** Puts a question on somebody's behalf, through the pipeline that everybody's questions go through. */
export function asker(options: {
  readonly registry: Registry;
  readonly resolver: () => Resolver;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}): (request: QueryRequest) => Promise<QueryReport> {
  const { registry, resolver, clock, log, signal } = options;
  return async (request) => {
    const question = questionOf(request);
    const container = request.from === undefined ? undefined : containerNamed(registry, request.from);
    const query: Query = {
      question,
      client: { sandbox: container?.key, transport: "control" },
      rd: true,
      cd: false,
      ad: false,
      do: false,
      signal,
      trace: noTrace,
    };
    const begin = clock.now();
    const answer = await respond(resolver(), query, log);
    return queryReport(question, container?.name ?? null, answer, clock.now() - begin);
  };
}

function questionOf(request: QueryRequest): Question {
  const name = nameFromText(request.name);
  const type = typeNumber(request.type);
  if (name === undefined) throw usage(`Cannot ask for "${request.name}": it is not a domain name`);
  if (type === undefined) throw usage(`Cannot ask for type "${request.type}": there is no such type`);
  return { name, type, class: RrClass.IN };
}

function usage(message: string): CodedError {
  return new CodedError("USAGE", message, { remedy: "ask like this: eleven query web.shop AAAA" });
}

function containerNamed(registry: Registry, text: string): Container {
  const container = registry.findContainer(text);
  if (container !== undefined) return container;
  const remedy = "see the containers with `eleven records`";
  throw new CodedError("NO_SUCH_CONTAINER", `Cannot ask as "${text}": no source knows it`, { remedy });
}
