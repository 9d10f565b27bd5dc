import { isAbsolute } from "node:path";
import { foldName, nameFromText } from "../wire/name.ts";
import { inOrder, type Path, type Problem, type YamlDocument } from "../yaml/document.ts";
import { containerKey, type FileDocument, isEmbedded, nameProblem } from "./file-schema.ts";

export interface Checked {
  /** What makes the whole file refused. */
  readonly problems: readonly Problem[];
  /** What is odd, but does what it says. */
  readonly warnings: readonly Problem[];
}

interface Check {
  readonly data: FileDocument;
  problem(path: Path, text: string, at?: "key" | "value"): void;
  warn(path: Path, text: string, at?: "key" | "value"): void;
  /** "line 7", where the value at a path stands. */
  line(path: Path): string;
}

/** Checks what needs two parts of the document to see. docs/config.md gives the reason of each check. */
export function checkDocument(data: FileDocument, document: YamlDocument): Checked {
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  const check: Check = {
    data,
    problem: (path, text, at) => problems.push(document.problem(path, text, at)),
    warn: (path, text, at) => warnings.push(document.problem(path, text, at)),
    line: (path) => `line ${document.position(path).line}`,
  };
  for (const part of [checkNames, checkNetworks, checkIds, checkAddresses, checkLinks, checkAliases])
    part(check);
  checkNamespaces(check);
  checkUpstreams(check);
  return { problems: inOrder(problems), warnings: inOrder(warnings) };
}

/** Names that are keys of a map; the schema has seen to those that are values. */
function checkNames({ data, problem, warn }: Check): void {
  const name = (path: Path) => {
    const text = nameProblem(String(path.at(-1)));
    if (text !== undefined) problem(path, text, "key");
  };
  const networks = firstOf();
  for (const network of Object.keys(data.networks)) {
    name(["networks", network]);
    const first = networks(folded(network), network);
    if (first === undefined) continue;
    problem(["networks", network], `"${network}" and "${first}" are one name to DNS: rename one`, "key");
  }
  const containers = firstOf();
  for (const [container, { networks: endpoints }] of Object.entries(data.containers)) {
    name(["containers", container]);
    const first = containers(folded(container), container);
    if (first !== undefined) {
      warn(
        ["containers", container],
        `"${container}" and "${first}" are one name to DNS: both answer`,
        "key",
      );
    }
    for (const [network, { links }] of Object.entries(endpoints)) {
      const path = ["containers", container, "networks", network, "links"];
      for (const alias of Object.keys(links)) name([...path, alias]);
    }
  }
}

function checkNetworks(check: Check): void {
  const known = Object.keys(check.data.networks);
  for (const { network, path } of endpointsOf(check.data)) {
    if (Object.hasOwn(check.data.networks, network)) continue;
    const right = known.length === 0 ? "there are none yet" : `known are ${known.join(", ")}`;
    check.problem(path, `unknown network "${network}": declare it under "networks" (${right})`, "key");
  }
}

function checkIds({ data, problem, line }: Check): void {
  const ids = firstOf();
  const keys = firstOf();
  for (const [name, container] of Object.entries(data.containers)) {
    const path = ["containers", name, "id"];
    // The first twelve digits are a name that the container answers to, so they have to tell it from the others.
    const first = container.id && ids(container.id.slice(0, 12), name);
    const other = keys(containerKey(name, container), name);
    if (first) {
      problem(path, `container "${first}" has this id already (${line(["containers", first, "id"])})`);
    } else if (other !== undefined) {
      problem(["containers", name], `its name or id is the name or id of container "${other}", too`, "key");
    }
  }
}

function checkAddresses({ data, problem, warn, line }: Check): void {
  const onNetwork = firstOf<Path>();
  const anywhere = firstOf<Path>();
  for (const { network, endpoint, path } of endpointsOf(data)) {
    for (const family of ["ipv4", "ipv6"] as const) {
      const address = endpoint[family];
      if (address === undefined) continue;
      const here = [...path, family];
      const same = onNetwork(JSON.stringify([network, address]), here);
      const other = anywhere(address, here);
      if (same !== undefined) {
        problem(
          here,
          `${address} is taken: container "${String(same[1])}" has it on ${network} (${line(same)})`,
        );
      } else if (other !== undefined) {
        const owner = `container "${String(other[1])}" has it on ${String(other[3])} (${line(other)})`;
        warn(here, `${address} is on two networks: ${owner}; a client with it gets one of the two views`);
      }
    }
  }
}

function checkLinks({ data, warn }: Check): void {
  const members = membersOf(data);
  for (const { network, endpoint, path } of endpointsOf(data)) {
    for (const [alias, target] of Object.entries(endpoint.links)) {
      if (members.get(network)?.has(folded(target))) continue;
      const text = `link to nobody: no container "${target}" on ${network} yet`;
      warn([...path, "links", alias], text);
    }
  }
}

function checkAliases({ data, warn }: Check): void {
  const members = membersOf(data);
  for (const { container, network, endpoint, path } of endpointsOf(data)) {
    for (const [index, alias] of endpoint.aliases.entries()) {
      const other = members.get(network)?.get(folded(alias));
      if (other === undefined || other === container) continue;
      warn(
        [...path, "aliases", index],
        `"${alias}" is the name of another container on ${network}: both answer`,
      );
    }
  }
}

function checkNamespaces({ data, warn, line }: Check): void {
  const namespaces = firstOf();
  for (const [name, { netns }] of Object.entries(data.containers)) {
    if (netns === undefined) continue;
    const path = ["containers", name, "netns"];
    if (!isAbsolute(netns)) warn(path, `"${netns}" is relative: it is taken from the folder of this file`);
    const first = namespaces(netns, name);
    if (first === undefined) continue;
    const where = line(["containers", first, "netns"]);
    warn(
      path,
      `container "${first}" has this network namespace, too (${where}): one of the two answers there`,
    );
  }
}

function checkUpstreams({ data, warn }: Check): void {
  for (const [name, { upstreams }] of Object.entries(data.containers)) {
    for (const [index, server] of upstreams.entries()) {
      if (!isEmbedded(server)) continue;
      warn(["containers", name, "upstreams", index], "127.0.0.11 is this very resolver: left out");
    }
  }
}

/** Equal for what DNS takes for one name. */
function folded(name: string): string {
  return foldName(nameFromText(name) ?? name);
}

/** Every endpoint of the document, and where it stands. */
function endpointsOf({ containers }: FileDocument) {
  return Object.entries(containers).flatMap(([container, { networks }]) =>
    Object.entries(networks).map(([network, endpoint]) => {
      const path: Path = ["containers", container, "networks", network];
      return { container, network, endpoint, path };
    }),
  );
}

/** For each network, its containers by their folded names. */
function membersOf(data: FileDocument): Map<string, Map<string, string>> {
  const members = new Map<string, Map<string, string>>();
  for (const { network, container } of endpointsOf(data)) {
    const names = members.get(network) ?? new Map<string, string>();
    members.set(network, names.set(folded(container), container));
  }
  return members;
}

/** A function that remembers who came with a key first, and tells it to those who come with it later. */
function firstOf<T = string>(): (key: string, value: T) => T | undefined {
  const seen = new Map<string, T>();
  return (key, value) => {
    const first = seen.get(key);
    if (first === undefined) seen.set(key, value);
    return first;
  };
}
