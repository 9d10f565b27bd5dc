import { isIP } from "node:net";
import { parseResolvConf, type ResolvConf } from "../base/resolv-conf.ts";
import type { ContainerFiles } from "./processes.ts";

/** What the resolv.conf in a container says. */
export interface EngineConf {
  readonly file: ResolvConf;
  /** libc asks the resolver at 127.0.0.11, the engine's or ours. */
  readonly isEmbedded: boolean;
  /** Whom the engine's resolver asks, as Engine 26 and later write it into a comment; undefined without one. */
  readonly external: readonly ExternalServer[] | undefined;
  /** The container was given servers of its own (`--dns`), as that comment says. */
  readonly isOverridden: boolean;
}

export interface ExternalServer {
  readonly address: string;
  /** Whose network namespace it is asked from. */
  readonly scope: "host" | "container";
}

export function engineConfOf(files: ContainerFiles | undefined): EngineConf | undefined {
  const text = files?.read("/etc/resolv.conf");
  if (text === undefined) return undefined;
  const file = parseResolvConf(text);
  return {
    file,
    isEmbedded: file.nameservers.some(({ address }) => address === "127.0.0.11"),
    external: externalServers(text),
    isOverridden: /^# Overrides: \[[^\]]*\bnameservers\b/m.test(text),
  };
}

/** `# ExtServers: [host(127.0.0.53) 10.0.0.1]`; where there is none, the engine writes no such line, but this one. */
function externalServers(text: string): ExternalServer[] | undefined {
  if (/^# NO EXTERNAL NAMESERVERS DEFINED/m.test(text)) return [];
  const [, list] = /^# ExtServers: \[([^\]]*)\]/m.exec(text) ?? [];
  return list
    ?.split(/\s+/)
    .map((word): ExternalServer => {
      const [, inside] = /^host\((.*)\)$/.exec(word) ?? [];
      return inside === undefined
        ? { address: word, scope: "container" }
        : { address: inside, scope: "host" };
    })
    .filter(({ address }) => isIP(address.replace(/%.*/, "")) !== 0);
}
