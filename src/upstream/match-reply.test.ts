import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { composeMessage } from "../wire/compose.ts";
import { Opcode, Rcode, RrClass, RrType } from "../wire/iana.ts";
import type { Message, Question } from "../wire/message.ts";
import { matchReply } from "./match-reply.ts";

const question: Question = { name: "www.example.org.", type: RrType.A, class: RrClass.IN };
const reply: Message = {
  header: {
    id: 0xbeef,
    qr: true,
    opcode: Opcode.QUERY,
    aa: false,
    tc: false,
    rd: true,
    ra: true,
    ad: false,
    cd: false,
    rcode: Rcode.NOERROR,
  },
  questions: [question],
  answers: [],
  authority: [],
  additional: [],
};
const match = (part: Partial<Message>) => matchReply(composeMessage({ ...reply, ...part }), 0xbeef, question);

describe("matchReply", () => {
  it("takes the reply", () => {
    expect(match({})).toMatchObject({ header: { id: 0xbeef }, questions: [question] });
  });

  it("wants the whole id, and only one question", () => {
    expect(match({ header: { ...reply.header, id: 0xbeee } })).toBe("another id");
    expect(match({ header: { ...reply.header, id: 0x00ef } })).toBe("another id");
    expect(match({ questions: [question, question] })).toBe("another question");
    expect(match({ header: { ...reply.header, opcode: Opcode.STATUS } })).toBe("not a reply");
  });

  it.each([
    [Rcode.FORMERR, true],
    [Rcode.SERVFAIL, true],
    [Rcode.NOTIMP, true],
    [Rcode.REFUSED, true],
    [Rcode.NOERROR, false],
    [Rcode.NXDOMAIN, false],
  ])("with rcode %i and no question is taken: %s", (rcode, taken) => {
    const result = match({ header: { ...reply.header, rcode }, questions: [] });
    expect(typeof result === "object").toBe(taken);
  });

  it("never throws, and never takes octets of another id", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(0xffff), (octets, id) => {
        const result = matchReply(octets, id, question);
        if (typeof result === "object") expect(result.header.id).toBe(id);
      }),
    );
  });

  it("takes no octet changed within id and question, letter case apart", () => {
    const octets = composeMessage(reply);
    const QUESTION_AT = 12;
    fc.assert(
      fc.property(fc.nat(octets.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        fc.pre(at < 2 || at >= QUESTION_AT);
        const changed = Uint8Array.from(octets);
        changed[at]! ^= flip;
        const result = matchReply(changed, 0xbeef, question);
        if (typeof result === "object") expect(result.questions[0]!.name.toLowerCase()).toBe(question.name);
        else expect(["another id", "another question", "malformed"]).toContain(result);
      }),
    );
  });
});
