import { randomBytes } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import type { ServerAddress } from "../base/server-address.ts";
import { answer } from "../resolver/reply.ts";
import type { Query, Resolver } from "../resolver/resolver.ts";
import { Rcode, RrClass, RrType } from "../wire/iana.ts";
import { foldName } from "../wire/name.ts";
import type { Dialer } from "./dialer.ts";
import type { ExchangeCall } from "./exchange.ts";
import { serverKey } from "./health.ts";

/**
 * Finds upstreams that lead back to us, at whatever remove: systemd-resolved's stub that was told to ask us, or a
 * forwarder to us elsewhere. Each server is sent a name that nobody else knows; if we are asked for it, the server
 * leads here. Until that is known, a query that goes round is bound by its budget and by admission.
 */
export interface Loops {
  /** To stand first in the pipeline: takes the marked questions that have come back. */
  readonly resolver: Resolver;
  isLoop(scope: string, server: ServerAddress): boolean;
  /** Sends a mark where one is due, and waits for nothing. */
  check(call: Pick<ExchangeCall, "server" | "dialer">, ask: (call: ExchangeCall) => Promise<unknown>): void;
}

/** Below no domain that anybody serves: it goes the way of every name outside. */
const MARK = "loop-test.eleven.";
/** As often a server is tested, since whom it asks can change; one that leads back more often, since it will be mended. */
const TEST_EVERY_MS = 10 * 60_000;
const LOOP_TEST_EVERY_MS = 30_000;
/** How long a mark may travel. */
export const TRAVEL_MS = 1500;
const MAX_SERVERS = 4096;

interface Tested {
  isLoop: boolean;
  next: number;
}

export function loops(options: {
  readonly clock: Clock;
  /** Whether this is an address on which we listen ourselves; no mark is needed to know that. */
  readonly isOurs: (scope: string, server: ServerAddress) => boolean;
  /** Called when a server is found out, not again while it stays so. */
  readonly onFound: (dialer: Dialer, server: ServerAddress) => void;
}): Loops {
  const { clock, isOurs, onFound } = options;
  const tested = new Map<string, Tested>();
  const marks = new Map<string, () => void>();

  return {
    resolver: {
      name: "loop-test",
      resolve({ question, trace }: Query) {
        // Nearly every query passes here while no mark is under way.
        if (marks.size === 0) return undefined;
        const found = marks.get(foldName(question.name));
        if (found === undefined) return undefined;
        found();
        trace.step("loop-test", "an upstream leads back here");
        return Promise.resolve(answer("none", { rcode: Rcode.NXDOMAIN }));
      },
    },

    isLoop: (scope, server) => tested.get(serverKey(scope, server))?.isLoop ?? false,

    check({ server, dialer }, ask) {
      const key = serverKey(dialer.scope, server);
      const entry = tested.get(key) ?? { isLoop: false, next: 0 };
      if (clock.now() < entry.next) return;
      if (!tested.has(key) && tested.size >= MAX_SERVERS) tested.delete(tested.keys().next().value!);
      tested.set(key, entry);
      entry.next = clock.now() + (entry.isLoop ? LOOP_TEST_EVERY_MS : TEST_EVERY_MS);

      const found = (): void => {
        if (!entry.isLoop) onFound(dialer, server);
        entry.isLoop = true;
        entry.next = clock.now() + LOOP_TEST_EVERY_MS;
      };
      // A listener can be closed by a reload, so this is looked at again, too.
      if (isOurs(dialer.scope, server)) return found();
      let cameBack = false;
      const mark = `${randomBytes(16).toString("hex")}.${MARK}`;
      marks.set(mark, () => {
        cameBack = true;
        found();
      });
      const stop = new AbortController();
      const end = (): void => {
        cancel();
        marks.delete(mark);
        entry.isLoop = cameBack;
      };
      const cancel = clock.after(TRAVEL_MS, () => stop.abort());
      const question = { name: mark, type: RrType.A, class: RrClass.IN };
      const flags = { rd: true, cd: false, ad: false, do: false };
      ask({ server, dialer, question, flags, signal: stop.signal }).then(end, end);
    },
  };
}
