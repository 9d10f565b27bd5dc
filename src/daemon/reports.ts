import type { QueryReport, RecordReport, UpstreamReport } from "../api/control.ts";
import { formatServer } from "../base/server-address.ts";
import type { Answer } from "../resolver/resolver.ts";
import { hostDialer } from "../upstream/dialer.ts";
import { type Health, serverKey } from "../upstream/health.ts";
import type { Loops } from "../upstream/loops.ts";
import type { Silence } from "../upstream/silence.ts";
import { rcodeName, typeName } from "../wire/iana.ts";
import type { Question, ResourceRecord } from "../wire/message.ts";
import { formatRdata } from "../wire/presentation.ts";
import { LEADS_BACK, type Upstream } from "./upstreams.ts";

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

/** In presentation format. */
export function recordReport(rr: ResourceRecord): RecordReport {
  return { name: rr.name, type: typeName(rr.type), ttl: rr.ttl, data: formatRdata(rr) };
}

/** What is known of a server, as it is asked from one namespace. */
export function upstreamReport(
  { scope, name, server }: Upstream,
  { health, silence, loops }: { health: Health; silence: Silence; loops: Loops },
): UpstreamReport {
  const key = serverKey(scope, server);
  const { state, rttMs, srttMs, rttvarMs, since, lastFailure } = health.of(key);
  const isLoop = loops.isLoop(scope, server);
  return {
    address: formatServer(server),
    scope: name,
    sandbox: scope === hostDialer.scope ? null : scope,
    state: isLoop ? "refused" : state,
    rttMs: rttMs ?? null,
    srttMs: srttMs ?? null,
    rttvarMs: rttvarMs ?? null,
    since: since === undefined ? null : new Date(since).toISOString(),
    lastFailure: lastFailure ?? null,
    silentOn: silence.list(key),
    reason: isLoop ? LEADS_BACK.reason : null,
    remedy: isLoop ? LEADS_BACK.remedy : null,
  };
}
