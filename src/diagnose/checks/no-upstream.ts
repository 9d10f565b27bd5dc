import type { Check } from "../check.ts";

/** Nobody to ask for names outside the registry: the host's resolv.conf names no server, and nothing else does. */
export const noUpstream: Check = {
  code: "no-upstream",
  async run({ config, host, upstreams }) {
    if (upstreams.length > 0) return [];
    return [
      {
        severity: "error",
        subject: config.upstreams === "host" ? config.resolvConf : "upstreams",
        text: `No name outside the registry can be resolved: ${
          config.upstreams === "host"
            ? (host.problem ?? `${config.resolvConf} names no nameserver`)
            : "`upstreams` of the configuration is empty"
        }, and there are no fallbackUpstreams.`,
        evidence: { resolvConf: config.resolvConf, problem: host.problem ?? null },
        remedy: `add a \`nameserver\` line to ${config.resolvConf}, or name servers under \`upstreams:\` in eleven.yaml`,
      },
    ];
  },
};
