import type { Outcome } from "./check.ts";
import { type Context, entered } from "./context.ts";

/** Runs a check of the engine's own resolver, where there is one to be checked. */
export async function withResolvers(context: Context, run: () => Promise<Outcome>): Promise<Outcome> {
  const sandboxes = entered(context);
  if ("skipped" in sandboxes) return sandboxes;
  if (sandboxes.every(({ resolver }) => resolver === undefined))
    return { skipped: "no container has a resolver of the Docker engine" };
  return run();
}
