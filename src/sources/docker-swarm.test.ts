import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { engineContainer, engineService, engineTask } from "./docker-schema.ts";
import { type Ground, runningIn, type Swarm, swarmContainers, swarmNames } from "./docker-swarm.ts";

// A manager's answers: `svc`, two tasks and an alias at a virtual address; `rr`, one task without one.
const file = new URL("../../test/fixtures/docker/swarm-20.10.json", import.meta.url);
const recorded = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown[]>;
const told: Swarm = {
  services: recorded.services!.map((one) => engineService.parse(one)),
  tasks: recorded.tasks!.map((one) => engineTask.parse(one)),
};
const swarm = runningIn(told);
const containers = recorded.containers!.map((one) => engineContainer.parse(one));
const network = told.tasks[0]!.NetworksAttachments[0]!.Network.ID;

function groundOf(local: readonly string[]): Ground {
  return {
    source: "docker:x",
    isLocal: (id) => local.includes(id),
    networkName: (id) => (id === network ? "ov" : undefined),
  };
}

const allLocal = groundOf(containers.map(({ Id }) => Id));

describe("a swarm", () => {
  test("has each service at its virtual address, with its aliases", () => {
    expect(swarmContainers(swarm, allLocal)).toEqual([
      {
        key: expect.stringMatching(/^docker:x\/service\//),
        name: "svc",
        endpoints: [{ network: "ov", ipv4: "10.0.1.2", aliases: ["svcalias"], links: {}, priority: 0 }],
      },
    ]);
  });

  test("gives its tasks on this machine the names of their service", () => {
    const names = swarmNames(swarm, allLocal);
    const given = containers.map(({ Id, Name }) => [Name.split(".")[0], names(Id, "ov")]);
    expect(Object.fromEntries(given)).toEqual({
      "/svc": ["tasks.svc", "tasks.svcalias"],
      "/rr": ["tasks.rr", "rr"],
    });
    expect(names(containers[0]!.Id, "other")).toEqual([]);
  });

  test("has its tasks on other machines as if they were here", () => {
    const remote = swarmContainers(swarm, groundOf([])).filter(({ key }) => key.includes("/task/"));
    const there = remote.map(({ name, endpoints }) => [name.replace(/\w+$/, "*"), endpoints[0]?.ipv4]);
    expect(there.sort()).toEqual([
      ["rr.1.*", "10.0.1.6"],
      ["svc.1.*", "10.0.1.3"],
      ["svc.2.*", "10.0.1.4"],
    ]);
  });

  test("has no address for a service without a running task", () => {
    const tasks = told.tasks.map((task) => ({ ...task, Status: { ...task.Status, State: "failed" } }));
    expect(swarmContainers(runningIn({ ...told, tasks }), allLocal)[0]?.endpoints[0]).not.toHaveProperty(
      "ipv4",
    );
  });

  test("is looked through as often for many services as for one", () => {
    const [service] = told.services;
    const looksAt = (count: number): number => {
      let looks = 0;
      const services = Array.from({ length: count }, (_, index) => ({ ...service!, ID: `s${index}` }));
      const tasks = told.tasks.map((task) => ({
        ...task,
        ServiceID: "s0",
        get Status() {
          looks += 1;
          return task.Status;
        },
      }));
      swarmContainers(runningIn({ services, tasks }), groundOf([]));
      return looks;
    };
    expect(looksAt(100)).toBe(looksAt(1));
  });

  test("says nothing of networks that have no names", () => {
    const ground = { ...groundOf([]), networkName: () => undefined };
    expect(swarmContainers(swarm, ground)).toEqual([]);
  });
});
