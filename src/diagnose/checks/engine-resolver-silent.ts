import { parseResolvConf } from "../../base/resolv-conf.ts";
import { foldedName } from "../../registry/folded-name.ts";
import { RrType } from "../../wire/iana.ts";
import { attachCommand } from "../attach-command.ts";
import type { Check, Found } from "../check.ts";
import { type Context, entered } from "../context.ts";
import { engineLiveness } from "../engine-liveness.ts";
import type { Sandbox } from "../sandbox.ts";
import { type Group, together } from "../together.ts";

const EMBEDDED = "127.0.0.11";

/** The engine's resolver does not answer, or is not there where the container's resolv.conf counts on it. */
export const engineResolverSilent: Check = {
  code: "engine-resolver-silent",
  async run(context) {
    const sandboxes = entered(context);
    if ("skipped" in sandboxes) return sandboxes;
    const counting = sandboxes.filter(countsOnIt);
    const { silent, live } = await engineLiveness(context);
    const all = counting.length + silent.length + live.length;
    if (all === 0) return { skipped: "no container has a resolver of the Docker engine" };
    const absent = await Promise.all(counting.map((sandbox) => absence(context, sandbox)));
    const cases = [...silent, ...absent.flat()].map(
      ({ sandbox, why }): Case => ({
        container: sandbox.container.name,
        isOurs: context.isAttached(sandbox.container.key),
        why,
      }),
    );
    const alike = {
      of: ({ container }: Case) => container,
      evidence: ({ isOurs, why }: Case) => [isOurs, why],
    };
    return together(cases, alike).map((group) => finding(group, all));
  },
};

interface Case {
  readonly container: string;
  readonly isOurs: boolean;
  readonly why: string;
}

/** No socket of the engine's is in there, though libc is told to ask it: dockerd is down, and takes them with it. */
function countsOnIt({ resolver, files }: Sandbox): boolean {
  if (resolver !== undefined) return false;
  const { nameservers } = parseResolvConf(files?.read("/etc/resolv.conf") ?? "");
  return nameservers.some(({ address }) => address === EMBEDDED);
}

async function absence(context: Context, sandbox: Sandbox): Promise<{ sandbox: Sandbox; why: string }[]> {
  if (context.isAttached(sandbox.container.key)) return [{ sandbox, why: "its sockets are gone" }];
  // Somebody else may answer there.
  const { message, why } = await context.ask({
    dialer: sandbox.dialer,
    server: { address: EMBEDDED, port: 53 },
    name: foldedName(sandbox.container.name) ?? "localhost.",
    type: RrType.A,
  });
  return message === undefined ? [{ sandbox, why }] : [];
}

function finding({ first: { isOurs, why }, subject, containers }: Group<Case>, resolvers: number): Found {
  return {
    severity: isOurs ? "warning" : "error",
    subject,
    text: `The Docker engine's resolver in ${subject} does not answer: ${why}. ${
      isOurs
        ? "127.0.0.11 is ours there, so nobody notices."
        : "No name can be resolved in there, neither a container's nor one outside."
    }`,
    evidence: { containers, why, resolvers },
    remedy: isOurs
      ? "see whether dockerd is down or hangs (`docker ps`) before you detach them"
      : `${attachCommand(containers)} answers there at once; see whether dockerd is down or hangs (\`docker ps\`, its log)`,
  };
}
