import type { Query } from "../resolver/resolver.ts";
import { recordingTrace, type Step } from "../resolver/trace.ts";
import { RrClass, RrType } from "../wire/iana.ts";

/** A query of `www.example.org. A` by the host, other than `part` says; its trace is kept. */
export function aQuery(part: Partial<Omit<Query, "trace">> & { sandbox?: string } = {}): Query & {
  readonly trace: { readonly steps: readonly Step[] };
} {
  const { sandbox, ...rest } = part;
  return {
    question: { name: "www.example.org.", type: RrType.A, class: RrClass.IN },
    client: { sandbox, transport: "udp" },
    rd: true,
    cd: false,
    ad: false,
    do: false,
    signal: new AbortController().signal,
    trace: recordingTrace(() => 0),
    ...rest,
  };
}
