import { RrType } from "../../wire/iana.ts";
import type { Check, Found } from "../check.ts";
import type { Context } from "../context.ts";
import { isOnFallback } from "../on-fallback.ts";
import { allOwnServers } from "../own-servers.ts";
import { PUBLIC_SERVERS } from "../public-servers.ts";
import { type AskedServer, askedServers, US } from "../servers.ts";
import { listed } from "../together.ts";

/** Google's servers are asked only because nobody was named: slowly and in vain where they can't be reached. */
export const publicFallback: Check = {
  code: "public-fallback",
  async run(context) {
    const found = await onFallback(context);
    return found.length === 0 ? [] : [await finding(context, found)];
  },
};

/** These servers, each with those alone who have no other. */
export async function onFallback(context: Context): Promise<readonly AskedServer[]> {
  const containers = [...(await containersThat(context, "yes")), ...(await containersThat(context, "maybe"))];
  const users = new Set(areWe(context) ? [US, ...containers] : containers);
  return (await askedServers(context))
    .filter(({ server }) => PUBLIC_SERVERS.includes(server.address))
    .map((asked) => ({ ...asked, users: asked.users.filter((user) => users.has(user)) }))
    .filter(({ users }) => users.length > 0);
}

async function containersThat(context: Context, are: "yes" | "maybe"): Promise<string[]> {
  const own = (await allOwnServers(context)).filter((each) => isOnFallback(context, each) === are);
  return own.map(({ sandbox }) => sandbox.container.name);
}

/** Whether eleven's own questions go there, for want of others. */
function areWe({ config, host }: Context): boolean {
  const { upstreams, fallbackUpstreams: fallback } = config;
  const named = upstreams === "host" ? host.servers : upstreams;
  if (named.length > 0 || fallback.length === 0) return false;
  return fallback.every(({ address }) => PUBLIC_SERVERS.includes(address));
}

async function finding(context: Context, found: readonly AskedServer[]): Promise<Found> {
  const replies = await Promise.all(
    found.map(({ server, dialer }) => context.ask({ server, dialer, name: ".", type: RrType.NS })),
  );
  const isReachable = replies.some(({ message }) => message !== undefined);
  const users = [...new Set(found.flatMap((asked) => asked.users))];
  const servers = [...new Set(found.map(({ server }) => server.address))];
  const { resolvConf } = context.config;
  const none = context.host.servers.length === 0;
  const unsure = await containersThat(context, "maybe");
  return {
    severity: isReachable ? "warning" : "error",
    subject: servers.join(", "),
    text: `${listed(users)} ${users.length === 1 ? "asks" : "ask"} Google's public servers, because ${
      none
        ? `${resolvConf} names no nameserver`
        : `${resolvConf} named no other that a container reaches, when the container started`
    }. ${
      isReachable
        ? "They answer, but know no name of this site, and learn of every name that is asked for."
        : "They can't be reached from here, so that every name outside takes its whole timeout and fails."
    }${
      unsure.length > 0
        ? ` Of those that ${listed(unsure)} ${unsure.length === 1 ? "asks" : "ask"} only the first was seen: ${resolvConf} may also have named it then, with others.`
        : ""
    }`,
    evidence: {
      servers,
      users,
      unsure,
      isReachable,
      host: context.host.servers.map(({ address }) => address),
      why: replies.find(({ why }) => why !== undefined)?.why ?? null,
    },
    remedy: `name your own servers in ${resolvConf}, at an address other than loopback, and start the containers anew (or \`eleven attach\` them: eleven follows the file)`,
  };
}
