import { foldedName } from "../registry/folded-name.ts";
import { RrType } from "../wire/iana.ts";
import { type Context, oncePerRun } from "./context.ts";
import type { Sandbox } from "./sandbox.ts";

/** Which of the engine's resolvers answer: the others need not be asked anything else. */
export interface EngineLiveness {
  readonly live: readonly Sandbox[];
  readonly silent: readonly { readonly sandbox: Sandbox; readonly why: string }[];
  /** Of a container's key. */
  isLive(key: string): boolean;
}

/** Asks each by its own port for the container's own name, for which it has nobody else to wait for. Once a run. */
export const engineLiveness = oncePerRun(async (context: Context): Promise<EngineLiveness> => {
  const { sandboxes, ask } = context;
  const heard = await Promise.all(
    sandboxes.open.map(async (sandbox) => {
      const { resolver, dialer, container } = sandbox;
      if (resolver === undefined) return [];
      const name = foldedName(container.name) ?? "localhost.";
      const { why } = await ask({ ...resolver, dialer, name, type: RrType.A });
      return [{ sandbox, why }];
    }),
  );
  const all = heard.flat();
  const live = all.flatMap(({ sandbox, why }) => (why === undefined ? [sandbox] : []));
  const keys = new Set(live.map(({ container }) => container.key));
  return {
    live,
    silent: all.flatMap(({ sandbox, why }) => (why === undefined ? [] : [{ sandbox, why }])),
    isLive: (key) => keys.has(key),
  };
});
