import { RrType } from "../../wire/iana.ts";
import type { Check, Found } from "../check.ts";
import type { Context } from "../context.ts";
import { PUBLIC_SERVERS } from "../public-servers.ts";
import { type AskedServer, askedServers } from "../servers.ts";
import { listed } from "../together.ts";

/** Google's servers are asked only because nobody was named: slowly and in vain where they can't be reached. */
export const publicFallback: Check = {
  code: "public-fallback",
  async run(context) {
    const chosen = new Set([
      ...context.host.servers.map(({ address }) => address),
      ...(context.config.upstreams === "host" ? [] : context.config.upstreams.map(({ address }) => address)),
    ]);
    const found = (await askedServers(context))
      .filter(({ server }) => PUBLIC_SERVERS.includes(server.address) && !chosen.has(server.address))
      .map((asked) => ({ ...asked, users: asked.users.filter((user) => !choseIt(context, user, asked)) }))
      .filter(({ users }) => users.length > 0);
    return found.length === 0 ? [] : [await finding(context, found)];
  },
};

/** The container was given it on purpose (`--dns 8.8.8.8`). */
function choseIt({ sandboxes }: Context, user: string, { server }: AskedServer): boolean {
  const sandbox = sandboxes.open.find(({ container }) => container.name === user);
  return sandbox?.container.upstreams?.some(({ address }) => address === server.address) === true;
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
    }`,
    evidence: {
      servers,
      users,
      isReachable,
      host: context.host.servers.map(({ address }) => address),
      why: replies.find(({ why }) => why !== undefined)?.why ?? null,
    },
    remedy: `name your own servers in ${resolvConf}, at an address other than loopback, and start the containers anew (or \`eleven attach\` them: eleven follows the file)`,
  };
}
