import type { QueryEvent, WatchEvent, WatchRequest } from "../api/control.ts";
import type { Clock } from "../base/clock.ts";
import { CodedError } from "../base/errors.ts";
import type { DataPlane, Shown } from "../dataplane/data-plane.ts";
import type { Registry } from "../registry/registry.ts";
import type { Observation } from "../server/handle.ts";
import { extendedErrors } from "../wire/edns.ts";
import { Rcode, rcodeName, typeName, typeNumber } from "../wire/iana.ts";
import { parseMessage } from "../wire/parse.ts";
import { containerNamed } from "./asker.ts";
import { nameGlob } from "./name-glob.ts";
import { recordReport } from "./reports.ts";

/** Answers that one onlooker is shown in a second: each takes the main thread some 40 us, which is not the one that answers hits. */
export const SHOWN_PER_SECOND = 5000;
/** How long it may take to say that some were not shown. */
const SKIPPED_TOLD_MS = 1000;
/** An answer that took so long is marked as slow: a program that asks several names waits for each. */
const SLOW_MS = 100;

/** The answers that are given, for whoever looks on; while nobody does, each costs one comparison. */
export interface Watching {
  observe(seen: Observation): void;
  /**
   * Shows the answers that the request asks for, until the function that it returns is called. Throws a CodedError
   * NO_SUCH_CONTAINER or USAGE.
   */
  watch(request: WatchRequest, take: (event: WatchEvent) => void): () => void;
}

type Onlooker = (sandbox: string | undefined, skipped: number, event: () => QueryEvent | undefined) => void;

export function watching(options: {
  readonly registry: Registry;
  /** Of the answers that it gives by itself nobody else tells. */
  readonly plane: () => Pick<DataPlane, "watch"> | undefined;
  readonly clock: Clock;
}): Watching {
  const { registry, clock } = options;
  const onlookers = new Set<Onlooker>();
  let leavePlane = () => {};

  const containerOf = (sandbox: string | undefined) =>
    sandbox === undefined ? undefined : registry.container(sandbox)?.name;

  function observe(seen: Observation): void {
    if (onlookers.size === 0) return;
    const { sandbox, transport } = seen.client;
    const event = once((): QueryEvent => {
      const { rcode, answers, origin, upstream, ede } = seen.answer;
      return {
        at: new Date(clock.wall()).toISOString(),
        container: containerOf(sandbox) ?? null,
        transport,
        question: { name: seen.question.name, type: typeName(seen.question.type) },
        rcode: rcodeName(rcode),
        answers: answers.map(recordReport),
        ede,
        origin,
        upstream: upstream ?? null,
        ms: Math.round(seen.ms * 1000) / 1000,
        slow: seen.ms >= SLOW_MS,
      };
    });
    for (const onlooker of onlookers) onlooker(sandbox, 0, event);
  }

  function show({ sandbox, origin, octets, skipped }: Shown): void {
    const event = once((): QueryEvent | undefined => {
      const parsed = parseMessage(octets);
      const question = parsed.ok ? parsed.message.questions[0] : undefined;
      if (!parsed.ok || question === undefined) return undefined;
      return {
        at: new Date(clock.wall()).toISOString(),
        container: containerOf(sandbox) ?? null,
        transport: "udp",
        question: { name: question.name, type: typeName(question.type) },
        rcode: rcodeName(parsed.message.header.rcode),
        answers: parsed.message.answers.map(recordReport),
        ede: extendedErrors(parsed.message.edns),
        origin: origin as QueryEvent["origin"],
        upstream: null,
        ms: 0,
        slow: false,
      };
    });
    for (const onlooker of onlookers) onlooker(sandbox, skipped, event);
  }

  function watch(request: WatchRequest, take: (event: WatchEvent) => void): () => void {
    const container = request.container && containerNamed(registry, request.container).name;
    const isWanted = filter(request);
    const may = allowance(clock);
    let skipped = 0;
    let isTelling = false;
    let cancel = () => {};

    function tellSkipped(): void {
      isTelling = false;
      cancel();
      if (skipped > 0) take({ skipped });
      skipped = 0;
    }
    function skip(count: number): void {
      skipped += count;
      if (isTelling || skipped === 0) return;
      isTelling = true;
      cancel = clock.after(SKIPPED_TOLD_MS, tellSkipped);
    }
    const onlooker: Onlooker = (sandbox, before, makeEvent) => {
      if (before > 0) skip(before);
      // By its name, so that it is watched on when it is made anew.
      if (container !== undefined && containerOf(sandbox) !== container) return;
      if (!may()) return skip(1);
      const event = makeEvent();
      if (event === undefined || !isWanted(event)) return;
      tellSkipped();
      take(event);
    };
    onlookers.add(onlooker);
    if (onlookers.size === 1) leavePlane = options.plane()?.watch(show) ?? (() => {});
    return () => {
      cancel();
      onlookers.delete(onlooker);
      if (onlookers.size === 0) leavePlane();
    };
  }

  return { observe, watch };
}

/** Whatever can be told of an event before it is shown. */
function filter({ name, type, rcode, slow }: WatchRequest): (event: QueryEvent) => boolean {
  const isNamed = name === undefined ? () => true : nameGlob(name);
  const number = type === undefined ? undefined : typeNumber(type);
  if (type !== undefined && number === undefined)
    throw usage(`Cannot watch for type "${type}": there is no such type`, "name one like A, AAAA or PTR");
  const wantedType = number === undefined ? undefined : typeName(number);
  const wantedRcode = rcode?.toUpperCase();
  if (wantedRcode !== undefined && !(wantedRcode in Rcode))
    throw usage(
      `Cannot watch for rcode "${rcode}": there is no such rcode`,
      `name one of ${Object.keys(Rcode).join(", ")}`,
    );
  return (event) =>
    (wantedType === undefined || event.question.type === wantedType) &&
    (wantedRcode === undefined || event.rcode === wantedRcode) &&
    (slow === undefined || event.ms >= slow) &&
    isNamed(event.question.name);
}

function usage(message: string, remedy: string): CodedError {
  return new CodedError("USAGE", message, { remedy });
}

/** Says yes so often a second, and as often at once to one who has waited. */
function allowance(clock: Clock): () => boolean {
  let left = SHOWN_PER_SECOND;
  let since = clock.now();
  return () => {
    const now = clock.now();
    left = Math.min(SHOWN_PER_SECOND, left + ((now - since) / 1000) * SHOWN_PER_SECOND);
    since = now;
    if (left < 1) return false;
    left -= 1;
    return true;
  };
}

/** What is made only if somebody wants it, and only once. */
function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
