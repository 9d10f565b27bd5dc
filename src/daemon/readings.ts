import type { QueryLabels, Reading } from "../api/metrics.ts";
import type { Container } from "../registry/model.ts";
import type { Registry } from "../registry/registry.ts";
import type { AttachmentStatus } from "../sandbox/attachment-status.ts";
import type { Observation } from "../server/handle.ts";
import type { Admission } from "../upstream/admission.ts";
import type { UpstreamCounters } from "../upstream/counters.ts";
import { rcodeName, typeName } from "../wire/iana.ts";

/** What a query is counted under. Types without a name of their own count together, as clients can make them up. */
export function labelsOf({ answer, question }: Observation, container: Container | undefined): QueryLabels {
  const qtype = typeName(question.type);
  return {
    container: container?.name ?? "",
    qtype: qtype.startsWith("TYPE") ? "other" : qtype,
    rcode: rcodeName(answer.rcode),
    origin: answer.origin,
  };
}

/** The numbers that the parts keep anyway, under Prometheus' names. */
export function readings(parts: {
  readonly registry: Registry;
  readonly attached: () => readonly AttachmentStatus[];
  readonly admitted: Admission;
  readonly counters: UpstreamCounters;
}): Reading[] {
  const { registry, attached, admitted, counters } = parts;
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
  return [
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
    counter("eleven_upstream_udp_total", "Messages sent over UDP", () => counters.udp),
    counter("eleven_upstream_tcp_total", "Messages sent over TCP", () => counters.tcp),
    counter("eleven_upstream_without_edns_total", "Sent again without EDNS", () => counters.withoutEdns),
    counter("eleven_upstream_forged_total", "Replies that did not fit the question", () => counters.forged),
    counter("eleven_upstream_late_total", "Servers silent for their usual time", () => counters.late),
    counter("eleven_upstream_moved_on_total", "Failures that led to the next server", () => counters.movedOn),
    counter("eleven_upstream_retries_total", "Retries of servers that were down", () => counters.retries),
    counter("eleven_upstream_failed_total", "Queries that no server answered", () => counters.failed),
  ];
}
