import { dirname, isAbsolute, resolve } from "node:path";
import type { Container, Endpoint, Snapshot } from "../registry/model.ts";
import { type Problem, readYaml } from "../yaml/document.ts";
import { problemsOf } from "../yaml/fields.ts";
import { checkDocument } from "./file-checks.ts";
import {
  containerKey,
  type FileContainer,
  type FileEndpoint,
  fileDocument,
  isEmbedded,
} from "./file-schema.ts";

export type SnapshotReading =
  | { readonly snapshot: Snapshot; readonly warnings: readonly Problem[] }
  /** At least one; nothing of the file may be used. */
  | { readonly problems: readonly Problem[] };

/**
 * The text of a file source, whole or not at all. Pure: `source` only names the containers (`Container.key`), and
 * the folder of `path` is what a relative `netns` is relative to.
 */
export function readSnapshot(
  text: string,
  { source, path }: { source: string; path: string },
): SnapshotReading {
  const document = readYaml(text);
  if ("problems" in document) return document;
  if (document.value === undefined) {
    // An editor caught between emptying and writing looks just like this.
    const problem = document.problem([], "is empty: write `containers: {}` to say that there are none");
    return { problems: [problem] };
  }
  const { data, error } = fileDocument.safeParse(document.value);
  if (data === undefined) return { problems: problemsOf(error, document) };
  const { problems, warnings } = checkDocument(data, document);
  if (problems.length > 0) return { problems };
  return {
    snapshot: {
      networks: Object.entries(data.networks).map(([name, { internal }]) => ({ name, internal })),
      containers: Object.entries(data.containers).map(([name, container]) =>
        toContainer(name, container, source, dirname(path)),
      ),
    },
    warnings,
  };
}

function toContainer(name: string, container: FileContainer, source: string, folder: string): Container {
  const { id, hostname, netns, upstreams, networks } = container;
  return {
    key: `${source}/${containerKey(name, container)}`,
    name,
    ...(id !== undefined && { id }),
    ...(hostname !== undefined && { hostname }),
    ...(netns !== undefined && { netns: isAbsolute(netns) ? netns : resolve(folder, netns) }),
    // As with `--dns`, an empty list says nothing: the container follows the host.
    ...(upstreams.length > 0 && { upstreams: upstreams.filter((server) => !isEmbedded(server)) }),
    endpoints: Object.entries(networks).map(([network, endpoint]) => toEndpoint(network, endpoint)),
  };
}

function toEndpoint(network: string, endpoint: FileEndpoint): Endpoint {
  const { ipv4, ipv6, aliases, links, priority } = endpoint;
  return {
    network,
    ...(ipv4 !== undefined && { ipv4 }),
    ...(ipv6 !== undefined && { ipv6 }),
    aliases,
    links,
    priority,
  };
}
