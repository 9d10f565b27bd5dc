import { type BigIntStats, readFileSync, statSync } from "node:fs";
import type { SocketAddress } from "../base/address.ts";
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { fileStamp, isSure, type Stamped } from "../base/file-stamp.ts";
import { parseResolvConf, type ResolvConf } from "../base/resolv-conf.ts";

/** The servers of a resolv.conf, as it is at this moment. */
export interface HostResolvConf {
  current(): HostServers;
}

export interface HostServers {
  /** All of them, in the file's order, each once. */
  readonly servers: readonly SocketAddress[];
  /** The whole file; of the last version that could be read, while a rewrite is being waited for. */
  readonly conf: ResolvConf;
  /** Why there are no servers, or why these are old ones; for `status`, `doctor` and Extended DNS Errors. */
  readonly problem?: string;
}

/** What is needed of the file system; both follow symbolic links and throw as `node:fs` does. */
export interface ResolvConfFiles {
  stat(path: string): Stamped & Pick<BigIntStats, "isFile">;
  read(path: string): string;
}

/** Port of every `nameserver`: resolv.conf(5) has no way to say another. */
const DNS_PORT = 53;

/**
 * How long a missing or empty file means "somebody is writing it" rather than "there are no servers". Rewriting
 * in place (cloud-init, dhclient, Docker itself) takes milliseconds; a person who empties the file can wait this.
 */
const REWRITE_GRACE_MS = 1000;

/**
 * Follows the host's resolv.conf without a watcher, as glibc does since 2.26: every call stats the path and reads
 * the file again if its stamp differs. So the very next query after an edit, a rename over it, or a retargeted
 * link goes to the new server, and there is no event to lose. Two microseconds per forwarded query; synchronous,
 * because the answer is needed at once and the file is always in memory.
 */
export function hostResolvConf({
  path,
  clock,
  fs = nodeFiles,
}: {
  path: string;
  clock: Clock;
  fs?: ResolvConfFiles;
}): HostResolvConf {
  let known: HostServers = serversIn("", path);
  let stamp: string | undefined;
  let goneSince: number | undefined;

  function current(): HostServers {
    let text: string;
    try {
      const stat = fs.stat(path);
      const seen = fileStamp(stat);
      if (seen === stamp) return known;
      // Reading a pipe would wait for whoever writes it, and everybody with it.
      if (!stat.isFile()) return gone("it is not a regular file");
      // Stat before read: whatever changes in between has another stamp, and is read by the next call.
      text = fs.read(path);
      stamp = isSure(stat, clock.wall()) ? seen : undefined;
    } catch (error) {
      return gone(messageOf(error));
    }
    if (text === "") return gone("the file is empty");
    goneSince = undefined;
    known = serversIn(text, path);
    return known;
  }

  function gone(problem: string): HostServers {
    stamp = undefined;
    goneSince ??= clock.now();
    if (known.servers.length > 0 && clock.now() - goneSince < REWRITE_GRACE_MS) return { ...known, problem };
    known = { ...serversIn("", path), problem };
    return known;
  }

  return { current };
}

function serversIn(text: string, path: string): HostServers {
  const conf = parseResolvConf(text);
  const addresses = new Set(conf.nameservers.map(({ address }) => address));
  const servers = [...addresses].map((address) => ({ address, port: DNS_PORT }));
  return { servers, conf, ...(servers.length === 0 && { problem: `${path} names no nameserver` }) };
}

const nodeFiles: ResolvConfFiles = {
  stat: (path) => statSync(path, { bigint: true }),
  read: (path) => readFileSync(path, "utf8"),
};
