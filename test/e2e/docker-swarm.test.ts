import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { createRegistry, type Registry } from "../../src/registry/registry.ts";
import type { Source } from "../../src/sources/source.ts";
import { sourceInto } from "../support/docker-source.ts";
import { type Engine, engineMissing, startEngine, until } from "../support/engine.ts";

const reason = engineMissing();

describe.skipIf(reason)(`the Docker source on a swarm${reason === undefined ? "" : ` (${reason})`}`, () => {
  let engine: Engine;
  let registry: Registry;
  let source: Source;

  beforeAll(async () => {
    engine = await startEngine({ liveRestore: false });
    await engine.docker("swarm", "init", "--advertise-addr=127.0.0.1");
    await engine.docker("network", "create", "--driver=overlay", "--attachable", "ov");
    registry = createRegistry({ clock: systemClock, host: "h" });
    source = sourceInto(registry, { url: engine.host, name: "docker:x" });
    await source.start();
  });

  afterAll(async () => {
    await source?.stop();
    await engine?.destroy();
  });

  const create = (name: string, ...args: string[]) =>
    engine.docker("service", "create", "--detach", "--no-resolve-image", "--name", name, ...args, "bb:1");
  const addresses = (name: string) =>
    registry.records({ name, network: "ov" }).flatMap((record) => record.addresses);

  test("has services at their virtual addresses, and their tasks", async () => {
    const service = await create("svc", "--network=name=ov,alias=also", "--replicas=2");
    await create("rr", "--network=ov", "--endpoint-mode=dnsrr");
    await until("the tasks are there", async () => {
      await source.refresh();
      return addresses("tasks.svc").length === 2 && addresses("tasks.rr").length === 1;
    });
    const filters = encodeURIComponent(JSON.stringify({ id: [service] }));
    const [found] = await engine.api<{ Endpoint: { VirtualIPs: { Addr: string }[] } }[]>(
      `/services?filters=${filters}`,
    );
    const virtual = found?.Endpoint.VirtualIPs[0]?.Addr.split("/")[0];
    expect([addresses("svc"), addresses("also")]).toEqual([[virtual], [virtual]]);
    expect(addresses("rr")).toEqual(addresses("tasks.rr"));
    expect(addresses("tasks.also").sort()).toEqual(addresses("tasks.svc").sort());
    await engine.docker("service", "rm", "svc");
    await until("the service is gone", async () => registry.records({ name: "svc" }).length === 0);
  });
});
