import type { StubConf } from "./stub-conf.ts";

/**
 * What glibc keeps for each thread between lookups (`struct __res_state`). The two switches begin as resolv.conf has
 * them; a half answer sets them, and they stay set as long as the thread lives.
 */
export interface GlibcState {
  readonly conf: StubConf;
  singleRequest: boolean;
  singleRequestReopen: boolean;
  /** How often `rotate` has moved on; glibc begins by chance. */
  rotation: number;
}

export function glibcState(conf: StubConf, rotation: number): GlibcState {
  return {
    conf,
    singleRequest: conf.flags.has("single-request"),
    singleRequestReopen: conf.flags.has("single-request-reopen"),
    rotation,
  };
}

/**
 * How long glibc waits for the server at `index` (0 is the first in resolv.conf): the timeout, doubled for each place
 * in the list, divided among the servers from the second on; a whole number of seconds, at least 1. It does not grow
 * with the attempts (`resolv/res_send.c`, measured).
 */
export function glibcWaitMs({ timeoutS, nameservers }: StubConf, index: number): number {
  const seconds = timeoutS * 2 ** index;
  return Math.max(1, index === 0 ? seconds : Math.floor(seconds / nameservers.length)) * 1000;
}
