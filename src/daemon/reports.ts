import type { QueryReport, RecordReport, UpstreamReport } from "../api/control.ts";
import { formatSocketAddress, type SocketAddress } from "../base/address.ts";
import type { Answer } from "../resolver/resolver.ts";
import { type Health, serverKey } from "../upstream/health.ts";
import { rcodeName, typeName } from "../wire/iana.ts";
import type { Question, ResourceRecord } from "../wire/message.ts";
import { formatRdata } from "../wire/presentation.ts";

/** An answer as `eleven query` gives it. */
export function queryReport(
  question: Question,
  from: string | null,
  answer: Answer,
  ms: number,
): QueryReport {
  const { ede, origin, upstream } = answer;
  return {
    question: { name: question.name, type: typeName(question.type) },
    from,
    rcode: rcodeName(answer.rcode),
    answers: answer.answers.map(recordReport),
    authority: answer.authority.map(recordReport),
    ede,
    origin,
    upstream: upstream ?? null,
    ms: Math.round(ms * 1000) / 1000,
  };
}

function recordReport(rr: ResourceRecord): RecordReport {
  return { name: rr.name, type: typeName(rr.type), ttl: rr.ttl, data: formatRdata(rr) };
}

/** What is known of a server, as it is asked from one namespace. */
export function upstreamReport(
  { scope, server }: { readonly scope: string; readonly server: SocketAddress },
  health: Health,
): UpstreamReport {
  const { state, rttMs, since, lastFailure } = health.of(serverKey(scope, server));
  return {
    address: formatSocketAddress(server),
    scope,
    state,
    rttMs: rttMs ?? null,
    since: since === undefined ? null : new Date(since).toISOString(),
    lastFailure: lastFailure ?? null,
  };
}
