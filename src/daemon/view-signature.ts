import type { Registry } from "../registry/registry.ts";
import { NODE_LOCAL } from "./node-local.ts";
import { hasOwnUpstreams, isConfined } from "./upstreams.ts";

/**
 * All of a container that its answers depend on, besides what its networks know: equal for those who get equal answers.
 * Upstreams of its own are asked from its own namespace, so those answers are its own.
 */
export function viewSignature(registry: Registry, sandbox: string | undefined): string {
  // No key of a container is such. It sees what the host sees, but asks others.
  if (sandbox === NODE_LOCAL) return sandbox;
  const view = registry.view(sandbox);
  if (view === "host") return "host";
  const container = sandbox === undefined ? undefined : registry.container(sandbox);
  const networks = view.map(({ network, links }) => [network, [...links]]);
  const own = hasOwnUpstreams(container) ? [sandbox, container.netns, container.upstreams] : [];
  return JSON.stringify([networks, own, container !== undefined && isConfined(container, registry)]);
}
