import { canonicalAddress } from "../base/address.ts";
import { Rcode } from "../wire/iana.ts";
import type { Message } from "../wire/message.ts";
import type { Reply } from "./ask.ts";
import { type Bindings, bindingsOf } from "./bindings.ts";
import { type Context, oncePerRun } from "./context.ts";
import { engineLiveness } from "./engine-liveness.ts";
import { type EngineQuestion, engineQuestions } from "./engine-questions.ts";
import { type Judgement, judge } from "./judge.ts";

/** What the engine's own resolvers say, against what the sources say. */
export interface EngineAnswers {
  /** Where it says something else than the sources, twice. */
  readonly judgements: readonly Judgement[];
  /** By which the judgements were made. */
  readonly bindings: Bindings;
}

/** The engine answers in one container. */
export interface EngineAnswer extends EngineQuestion {
  readonly addresses: readonly string[];
  /** It knows the name, or whoever it asked does. */
  readonly exists: boolean;
  /** It has the marks of an answer from the engine's own records. */
  readonly isOwn: boolean;
}

/** While a container starts or ends, and while dockerd does, the two differ for a moment (observed: 0.4 s). */
const CONFIRM_AFTER_MS = 600;
/** TTL of every answer from the engine's own records, in all its versions. */
const OWN_TTL = 600;

/** Asks every resolver of the engine, each by its own port: whoever has 127.0.0.11:53 now. Asked once a run. */
export const engineAnswers = oncePerRun(async (context: Context): Promise<EngineAnswers> => {
  const { registry, clock } = context;
  const { live } = await engineLiveness(context);
  let bindings = bindingsOf(registry);
  let judgements = await judged(context, engineQuestions(bindings, live), bindings);
  if (judgements.length > 0) {
    await new Promise<void>((resolve) => clock.after(CONFIRM_AFTER_MS, resolve));
    bindings = bindingsOf(registry);
    judgements = await judged(
      context,
      judgements.map(({ answer }) => answer),
      bindings,
    );
  }
  return { judgements, bindings };
});

async function judged(
  context: Context,
  questions: readonly EngineQuestion[],
  bindings: Bindings,
): Promise<Judgement[]> {
  const answers = await Promise.all(
    questions.map(async (question) => {
      const { message } = await put(context, question);
      return message === undefined ? [] : [answerOf(question, message)];
    }),
  );
  return answers.flat().flatMap((answer) => judge(answer, bindings) ?? []);
}

function put({ ask }: Context, { sandbox, name, type }: EngineQuestion): Promise<Reply> {
  const { server, tcpPort } = sandbox.resolver!;
  return ask({ dialer: sandbox.dialer, server, tcpPort, name, type });
}

function answerOf(question: EngineQuestion, { header, answers, edns }: Message): EngineAnswer {
  const addresses = answers.flatMap(({ data }) =>
    data.kind === "A" || data.kind === "AAAA" ? [canonicalAddress(data.address)] : [],
  );
  return {
    ...question,
    addresses: [...new Set(addresses)].sort(),
    exists: header.rcode === Rcode.NOERROR,
    isOwn: edns === undefined && answers.length > 0 && answers.every(({ ttl }) => ttl === OWN_TTL),
  };
}
