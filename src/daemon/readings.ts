import type { QueryLabels, Reading } from "../api/metrics.ts";
import type { CacheStats } from "../cache/cache.ts";
import type { DataPlane, PlaneCounters } from "../dataplane/data-plane.ts";
import type { Container } from "../registry/model.ts";
import type { Registry } from "../registry/registry.ts";
import type { Answer } from "../resolver/resolver.ts";
import type { AttachmentStatus } from "../sandbox/attachment-status.ts";
import type { Observation, Refused } from "../server/handle.ts";
import type { Crowded } from "../server/tcp.ts";
import type { Admission } from "../upstream/admission.ts";
import type { UpstreamCounters } from "../upstream/counters.ts";
import { rcodeName, typeName } from "../wire/iana.ts";
import type { Plane } from "./plane.ts";

/** What a query is counted under. Types without a name of their own count together, as clients can make them up. */
export function labelsOf({ answer, question }: Observation, container: Container | undefined): QueryLabels {
  return { container: container?.name ?? "", ...countedAs(question.type, answer) };
}

export function countedAs(type: number, { rcode, origin }: Answer): Omit<QueryLabels, "container"> {
  const qtype = typeName(type);
  return { qtype: qtype.startsWith("TYPE") ? "other" : qtype, rcode: rcodeName(rcode), origin };
}

/** What the handler and the data plane have refused. */
export function refusedBy(handler: Refused, plane: DataPlane["refused"] | undefined): Refused {
  return {
    malformed: handler.malformed + (plane?.malformed ?? 0),
    ignored: handler.ignored + (plane?.ignored ?? 0),
    unowned: handler.unowned,
  };
}

/** The numbers that the parts keep anyway, under Prometheus' names. */
export function readings(parts: {
  readonly registry: Registry;
  readonly attached: () => readonly AttachmentStatus[];
  readonly admitted: Admission;
  readonly counters: UpstreamCounters;
  readonly cache: () => CacheStats;
  readonly plane: () => Plane;
  readonly refused: () => Refused;
  readonly crowded: () => Crowded;
}): Reading[] {
  const { registry, attached, admitted, counters, cache, plane, refused, crowded } = parts;
  const inState = (state: AttachmentStatus["state"]) =>
    attached().filter((each) => each.state === state).length;
  const gauge = (name: string, help: string, read: () => number): Reading => ({
    name,
    help,
    kind: "gauge",
    read,
  });
  const counter = (name: string, help: string, read: () => number): Reading => ({
    name,
    help,
    kind: "counter",
    read,
  });
  const ofPlane = (count: (counters: PlaneCounters) => number) => () => {
    const { data } = plane();
    return data === undefined ? 0 : count(data.counters);
  };
  return [
    gauge(
      "eleven_dataplane_entries",
      "Answers that the data plane has",
      ofPlane(({ entries }) => entries),
    ),
    counter(
      "eleven_dataplane_shed_total",
      "Refused: too many queries waited",
      ofPlane(({ shed }) => shed),
    ),
    counter(
      "eleven_dataplane_unsent_total",
      "Answers not taken by the kernel",
      ofPlane(({ unsent }) => unsent),
    ),
    counter(
      "eleven_dataplane_lost_total",
      "Messages thrown away by the kernel: they came faster than they were read",
      ofPlane(({ lost }) => lost),
    ),
    counter(
      "eleven_dataplane_restarts_total",
      "Threads started anew",
      ofPlane(({ restarts }) => restarts),
    ),
    counter("eleven_malformed_total", "Messages answered with FORMERR or NOTIMP", () => refused().malformed),
    counter("eleven_ignored_total", "Messages that were no queries, not answered", () => refused().ignored),
    counter(
      "eleven_unowned_total",
      "Queries of nobody known, answered with SERVFAIL",
      () => refused().unowned,
    ),
    counter(
      "eleven_tcp_silent_closed_total",
      "Silent TCP connections that made room for others",
      () => crowded().silent,
    ),
    counter(
      "eleven_tcp_refused_total",
      "TCP connections closed: as many as may be had a query in work",
      () => crowded().refused,
    ),
    gauge("eleven_registry_revision", "Revision of the registry", () => registry.revision),
    gauge("eleven_attached_containers", "Containers whose 127.0.0.11 is ours", () => inState("attached")),
    gauge("eleven_attach_failures", "Containers that can't be attached now", () => inState("failed")),
    gauge("eleven_forward_in_flight", "Queries waiting for upstreams", () => admitted.inFlight),
    counter(
      "eleven_forward_shed_client_total",
      "Refused: too many of one client",
      () => admitted.shed.perClient,
    ),
    counter("eleven_forward_shed_total", "Refused: too many in all", () => admitted.shed.total),
    counter("eleven_upstream_udp_total", "Messages sent for queries over UDP", () => counters.udp),
    counter("eleven_upstream_tcp_total", "Messages sent for queries over TCP", () => counters.tcp),
    counter("eleven_upstream_tls_total", "Messages sent for queries over TLS", () => counters.tls),
    counter("eleven_upstream_without_edns_total", "Sent again without EDNS", () => counters.withoutEdns),
    counter("eleven_upstream_forged_total", "Replies that did not fit the question", () => counters.forged),
    counter("eleven_upstream_late_total", "Servers silent for their usual time", () => counters.late),
    counter("eleven_upstream_hedges_total", "Asked beside a late server", () => counters.hedges),
    counter("eleven_upstream_silent_total", "Types that no server answers: NODATA", () => counters.silent),
    counter("eleven_upstream_moved_on_total", "Failures that led to the next server", () => counters.movedOn),
    counter("eleven_upstream_retries_total", "Retries of servers that were down", () => counters.retries),
    counter("eleven_upstream_failed_total", "Queries that no server answered", () => counters.failed),
    gauge("eleven_cache_entries", "Answers in the cache", () => cache().entries),
    gauge("eleven_cache_bytes", "What they take", () => cache().bytes),
    counter("eleven_cache_hits_total", "Answered from a fresh entry", () => cache().hits),
    counter("eleven_cache_misses_total", "Had to wait for upstreams", () => cache().misses),
    counter("eleven_cache_joined_total", "Misses that joined a question in flight", () => cache().joined),
    counter("eleven_cache_stale_total", "Answered from an expired entry", () => cache().stale),
    counter("eleven_cache_failures_total", "Answered with a remembered failure", () => cache().failures),
    counter("eleven_cache_prefetches_total", "Asked anew before they expired", () => cache().prefetches),
    counter("eleven_cache_evictions_total", "Entries that made room for others", () => cache().evictions),
  ];
}
