import type { Stub } from "../../test/support/lookups.ts";
import { ADDRESSES } from "./scene.ts";

/** What can be wrong with upstreams, or with the way to them. */
export interface Fault {
  readonly title: string;
  /** As they stand in the list of whoever asks them. */
  readonly upstreams: readonly string[];
  /** Names looked up, with a number for `%d`. */
  readonly pattern: string;
  /** Of lookups, that are called slow: no longer than this where one upstream works. */
  readonly slowMs: number;
  /** How often as many lookups as usual, for what is seldom; 1 if it is not there. */
  readonly times?: number;
  /** All of these at once, from as many containers as there are, by the stubs that can do that. */
  readonly atOnce?: number;
  /** The resolver has had some thousand queries before. */
  readonly isWarm?: true;
  /** Whoever asks goes by way of destination NAT that loses the second of a pair, as old kernels did. */
  readonly isRace?: true;
  /** What goes to LATE_SERVICE together meets in connection tracking. */
  readonly isClash?: true;
  /** RESTARTING goes down for two seconds in the midst, so each lookup is followed by this pause. */
  readonly pauseMs?: number;
  /** Names of containers, which who asks upstreams straight does not know. */
  readonly isRegistry?: true;
}

const { GOOD, SILENT, FAILING, ONLY_A, LOSSY, CUT, RESTARTING, SERVICE, LATE_SERVICE, BUSY } = ADDRESSES;
const PATTERN = "n%d.faults.example";
const SLOW_MS = 1000;
const ALL_DEAD_MS = 3000;
/** Thrice what an answer takes: glibc asks one after the other at times. */
const LATE_ANSWERS_MS = 4500;
/** So that the lookups go on for longer than it is down. */
const PAUSE_MS = 80;

/** Those of issue trackers and of our own research, the worst ones for libc. */
export const faults: readonly Fault[] = [
  { title: "nothing", upstreams: [GOOD], pattern: PATTERN, slowMs: SLOW_MS },
  {
    title: "conntrack race (model), 10 %",
    upstreams: [SERVICE],
    pattern: PATTERN,
    slowMs: SLOW_MS,
    isRace: true,
  },
  {
    title: "clash of kernel 6.18: late answers, 2 backends",
    upstreams: [LATE_SERVICE],
    pattern: PATTERN,
    slowMs: LATE_ANSWERS_MS,
    isClash: true,
  },
  { title: "3 % loss each way", upstreams: [LOSSY], pattern: PATTERN, slowMs: SLOW_MS, times: 5 },
  { title: "silent on AAAA", upstreams: [ONLY_A], pattern: PATTERN, slowMs: SLOW_MS },
  { title: "first of two dead", upstreams: [SILENT[0], GOOD], pattern: PATTERN, slowMs: SLOW_MS },
  {
    title: "two of three dead",
    upstreams: [SILENT[0], SILENT[1], GOOD],
    pattern: PATTERN,
    slowMs: SLOW_MS,
  },
  { title: "all dead", upstreams: [SILENT[0], SILENT[1]], pattern: PATTERN, slowMs: ALL_DEAD_MS },
  {
    title: "all dead: a container's name",
    upstreams: [SILENT[0], SILENT[1]],
    pattern: "web",
    slowMs: SLOW_MS,
    isRegistry: true,
  },
  { title: "first says SERVFAIL", upstreams: [FAILING, GOOD], pattern: PATTERN, slowMs: SLOW_MS },
  {
    title: "TC, and TCP dropped at the first",
    upstreams: [CUT, GOOD],
    pattern: "truncated.n%d.faults.example",
    slowMs: SLOW_MS,
  },
  {
    title: "first of two down for 2 s",
    upstreams: [RESTARTING, GOOD],
    pattern: PATTERN,
    slowMs: SLOW_MS,
    pauseMs: PAUSE_MS,
    times: 5,
  },
  {
    title: "the only one down for 2 s",
    upstreams: [RESTARTING],
    pattern: PATTERN,
    slowMs: SLOW_MS,
    pauseMs: PAUSE_MS,
    times: 5,
  },
  {
    title: "1,000 at one moment, resolver just started",
    upstreams: [BUSY],
    pattern: PATTERN,
    slowMs: SLOW_MS,
    atOnce: 1000,
  },
  {
    title: "1,000 at one moment",
    upstreams: [BUSY],
    pattern: PATTERN,
    slowMs: SLOW_MS,
    atOnce: 1000,
    isWarm: true,
  },
];

/** Node would do a thousand four at a time; and a resolver has just started once only. */
export function stubsOf({ atOnce, isWarm }: Fault): readonly Stub[] {
  if (atOnce === undefined) return ["glibc", "musl", "node"];
  return isWarm ? ["glibc", "musl"] : ["glibc"];
}
