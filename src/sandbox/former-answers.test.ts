import { beforeEach, expect, it } from "vitest";
import type { Clock } from "../base/clock.ts";
import type { Attachment } from "./attachment.ts";
import { listedLog } from "./attachments-world.suite.ts";
import { FORMER_MS, type FormerAnswers, formerAnswers, LEAVING_MS } from "./former-answers.ts";
import { ALIVE_MS } from "./takeover-table.ts";

const BEAT_MS = 500;

let now: number;
let log: ReturnType<typeof listedLog>;
let forgotten: string[];
let forgettingMs: number;
let former: FormerAnswers;

beforeEach(() => {
  now = 0;
  log = listedLog();
  forgotten = [];
  forgettingMs = 0;
  const clock: Clock = { wall: () => now, now: () => now, after: () => () => {} };
  former = formerAnswers({ clock, log });
});

function add(name: string): Attachment {
  const attachment = {
    forgetFormer: () => forgotten.push(name),
    forgetGone() {
      forgotten.push(`${name}: gone`);
      now += forgettingMs;
    },
  } as unknown as Attachment;
  former.add(attachment);
  return attachment;
}

function pass(ms: number): void {
  for (const end = now + ms; now < end; former.beat()) now += BEAT_MS;
}

it("former answers are forgotten once, when the last can have come", () => {
  add("web");
  pass(FORMER_MS - BEAT_MS);
  expect(forgotten).toEqual(["web: gone"]);
  pass(BEAT_MS);
  expect(forgotten).toEqual(["web: gone", "web"]);
  pass(2 * FORMER_MS);
  expect(forgotten).toEqual(["web: gone", "web"]);
});

it("answers that nobody can give any more are forgotten at once, of one attachment at a time", () => {
  for (const name of ["web", "db"]) add(name);
  former.leave(add("mail"));
  expect(forgotten).toEqual(["mail: gone"]);
  pass(BEAT_MS);
  expect(forgotten).toEqual(["mail: gone", "web: gone"]);
  pass(2 * BEAT_MS);
  expect(forgotten).toEqual(["mail: gone", "web: gone", "db: gone"]);
});

it("former answers of many that leave at once are forgotten as long as there is time", () => {
  forgettingMs = LEAVING_MS / 4;
  const all = Array.from({ length: 10 }, (_, index) => add(`web-${index}`));
  for (const each of all.slice(0, 8)) former.leave(each);
  expect(forgotten).toHaveLength(4);
  former.beat();
  former.leave(all[8]!);
  expect(forgotten.at(-1)).toBe("web-8: gone");
});

it("former answers of one attachment at a time are forgotten", () => {
  for (const name of ["web", "db", "mail"]) add(name);
  pass(FORMER_MS);
  expect(forgotten.slice(3)).toEqual(["web"]);
  pass(BEAT_MS);
  expect(forgotten.slice(3)).toEqual(["web", "db"]);
});

it("former answers that can still come stay where we have left", () => {
  former.leave(add("web"));
  pass(2 * FORMER_MS);
  expect(forgotten).toEqual(["web: gone"]);
});

it("former answers are forgotten once, also where we leave", () => {
  const web = add("web");
  pass(FORMER_MS);
  former.leave(web);
  expect(forgotten).toEqual(["web: gone", "web"]);
});

it("former answers are forgotten again after a hang, in which there were new ones", () => {
  add("web");
  pass(FORMER_MS);
  now += ALIVE_MS;
  former.beat();
  pass(FORMER_MS - BEAT_MS);
  expect(forgotten).toEqual(["web: gone", "web"]);
  pass(BEAT_MS);
  expect(forgotten).toEqual(["web: gone", "web", "web"]);
});

it("former answers that the kernel does not let go of are told in the log", () => {
  former.add({
    forgetFormer() {
      throw new Error("netlink (the list of tracked connections): EINVAL");
    },
    forgetGone() {},
  } as unknown as Attachment);
  pass(2 * FORMER_MS);
  expect(log.lines).toEqual(["debug connection tracking keeps what came before us"]);
});
