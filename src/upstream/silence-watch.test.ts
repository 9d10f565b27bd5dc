import { expect, test } from "vitest";
import { RrClass, RrType } from "../wire/iana.ts";
import { contendersOf } from "./contender.ts";
import { fakeClock } from "./fake-clock.suite.ts";
import { countingDialer } from "./fake-upstream.suite.ts";
import { health as healthOf } from "./health.ts";
import { aQuery } from "./query.suite.ts";
import { silenceMemory } from "./silence.ts";
import { watchSilence } from "./silence-watch.ts";

test("a server that shows that it is alive after another one has answered does not pass for silent", async () => {
  const clock = fakeClock();
  const [silence, health] = [silenceMemory({ clock }), healthOf({ clock })];
  const question = { name: "www.example.org.", type: RrType.AAAA, class: RrClass.IN };
  const servers = ["192.0.2.1", "192.0.2.2"].map((address) => ({ address, port: 53 }));
  const dialer = countingDialer();
  const contenders = contendersOf(servers, { dialer, health, isSide: true, isSilent: () => false });
  const [slow, winner] = contenders;
  Object.assign(slow!, { askedAt: 0, sends: 3 });
  Object.assign(winner!, { askedAt: 300, sends: 1 });
  let testify = () => {};
  const watch = watchSilence({
    name: "forward",
    query: aQuery({ question }),
    contenders,
    silence,
    health,
    clock,
    callWitness: (contender) =>
      new Promise((resolve) => {
        if (contender !== slow) return;
        testify = () => {
          slow.witness = { ms: 250, message: { header: { rcode: 0 } } as never };
          resolve();
        };
      }),
  });
  clock.advance(300);
  clock.advance(240);
  winner!.heard = true;
  watch.stop();
  clock.advance(310);
  testify();
  await new Promise((resolve) => setImmediate(resolve));
  expect(silence.of(slow!.key, question.name, question.type)).toBeUndefined();
});
