import { isIP } from "node:net";
import { canonicalAddress } from "../base/address.ts";
import type { Container, Endpoint } from "../registry/model.ts";
import type { EngineService, EngineTask } from "./docker-schema.ts";

/** What a manager of a swarm tells of it. */
export interface Swarm {
  readonly services: readonly EngineService[];
  readonly tasks: readonly EngineTask[];
}

/** The same, with what runs in it: made once for each time it is told, as it may be thousands of tasks. */
export interface RunningSwarm {
  readonly services: readonly EngineService[];
  readonly running: readonly RunningTask[];
  /** By the id of their service. */
  readonly tasksOf: ReadonlyMap<string, readonly EngineTask[]>;
}

interface RunningTask {
  readonly task: EngineTask;
  readonly service: EngineService;
}

export function runningIn({ services, tasks }: Swarm): RunningSwarm {
  const byId = new Map(services.map((service) => [service.ID, service]));
  const running = tasks.flatMap((task): RunningTask[] => {
    const service = byId.get(task.ServiceID);
    return service === undefined || task.Status.State !== "running" ? [] : [{ task, service }];
  });
  const tasksOf = new Map<string, EngineTask[]>(services.map(({ ID }) => [ID, []]));
  for (const { task, service } of running) tasksOf.get(service.ID)?.push(task);
  return { services, running, tasksOf };
}

/** Containers of this machine, and networks by id: what the names of a swarm are fitted into. */
export interface Ground {
  readonly source: string;
  readonly isLocal: (containerId: string) => boolean;
  /** Undefined for those that have no names. */
  readonly networkName: (id: string) => string | undefined;
}

/**
 * Names that a swarm gives this machine's containers, by container and network: `tasks.SERVICE`, and where the
 * service has no virtual address the service's own name and aliases.
 */
export function swarmNames(
  { running }: RunningSwarm,
  { networkName }: Ground,
): (id: string, network: string) => string[] {
  const names = new Map<string, string[]>();
  for (const { task, service } of running) {
    const id = task.Status.ContainerStatus?.ContainerID ?? "";
    for (const { Network } of task.NetworksAttachments) {
      const network = networkName(Network.ID);
      if (network !== undefined) names.set(`${id}\0${network}`, taskNames(task, service, Network.ID));
    }
  }
  return (id, network) => names.get(`${id}\0${network}`) ?? [];
}

/**
 * What holds the swarm's other addresses, as if it were containers: each service at its virtual address, and the
 * tasks that run on other machines.
 */
export function swarmContainers({ services, running, tasksOf }: RunningSwarm, ground: Ground): Container[] {
  const virtual = services.map((service) => serviceContainer(service, tasksOf.get(service.ID) ?? [], ground));
  const remote = running
    .filter(({ task }) => !ground.isLocal(task.Status.ContainerStatus?.ContainerID ?? ""))
    .map(({ task, service }) => taskContainer(task, service, ground));
  return [...virtual, ...remote].filter(({ endpoints }) => endpoints.length > 0);
}

function serviceContainer(
  service: EngineService,
  tasks: readonly EngineTask[],
  { source, networkName }: Ground,
): Container {
  const endpoints = virtualAddresses(service).flatMap(({ NetworkID, Addr }): Endpoint[] => {
    const network = networkName(NetworkID);
    const aliases = tasks.flatMap((task) => aliasesOf(task, NetworkID));
    // Docker answers with the virtual address only while there is somebody behind it.
    const address = tasks.length > 0 ? addressOf(Addr) : undefined;
    return network === undefined ? [] : [endpointAt(network, address, [...new Set(aliases)])];
  });
  return { key: `${source}/service/${service.ID}`, name: service.Spec.Name, endpoints };
}

function taskContainer(task: EngineTask, service: EngineService, { source, networkName }: Ground): Container {
  const endpoints = task.NetworksAttachments.flatMap(({ Network, Addresses }): Endpoint[] => {
    const network = networkName(Network.ID);
    if (network === undefined) return [];
    return [endpointAt(network, addressOf(Addresses[0] ?? ""), taskNames(task, service, Network.ID))];
  });
  const name = `${service.Spec.Name}.${task.Slot ?? task.NodeID}.${task.ID}`;
  return { key: `${source}/task/${task.ID}`, name, endpoints };
}

function taskNames(task: EngineTask, service: EngineService, network: string): string[] {
  const names = [service.Spec.Name, ...aliasesOf(task, network)];
  const hasVirtual = virtualAddresses(service).some(({ NetworkID }) => NetworkID === network);
  return [...names.map((name) => `tasks.${name}`), ...(hasVirtual ? [] : names)];
}

function aliasesOf({ Spec }: EngineTask, network: string): readonly string[] {
  return Spec.Networks.find(({ Target }) => Target === network)?.Aliases ?? [];
}

function virtualAddresses({ Endpoint }: EngineService) {
  return Endpoint?.VirtualIPs ?? [];
}

function endpointAt(network: string, ipv4: string | undefined, aliases: readonly string[]): Endpoint {
  return { network, ...(ipv4 !== undefined && { ipv4 }), aliases, links: {}, priority: 0 };
}

/** Of `10.0.1.3/24`. */
function addressOf(text: string): string | undefined {
  const [address = ""] = text.split("/");
  return isIP(address) === 0 ? undefined : canonicalAddress(address);
}
