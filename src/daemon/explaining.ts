import { isIP } from "node:net";
import type { ExplainReport, ExplainRequest } from "../api/control.ts";
import { type SearchOutcome, searchCandidates } from "../libc/search-candidates.ts";
import type { Container } from "../registry/model.ts";
import type { Answer } from "../resolver/resolver.ts";
import { recordingTrace, type Trace } from "../resolver/trace.ts";
import { compose } from "../server/handle.ts";
import { Rcode, RrClass, RrType, rcodeName, typeName } from "../wire/iana.ts";
import type { Question } from "../wire/message.ts";
import { addressFromReverse, nameFromText, reverseName } from "../wire/name.ts";
import { parseCounts } from "../wire/parse.ts";
import { type Asking, ask, containerNamed, questionOf } from "./asker.ts";
import { queryReport } from "./reports.ts";
import { tellProvenance } from "./telling-provenance.ts";
import { type Files, type Stub, tellStub } from "./telling-stub.ts";

/** What glibc says that it takes, with `edns0` (RESOLV_EDNS_BUFFER_SIZE); without it, a stub takes 512 octets. */
const EDNS_PAYLOAD = 1200;
const PLAIN_PAYLOAD = 512;

/**
 * Puts a question as the container's libc would, through the pipeline that everybody's questions go through, and tells
 * every decision on the way; then where the bindings behind the answer come from. Throws as `query` does.
 */
export function explainer(
  asking: Asking & {
    /** Whether a container's 127.0.0.11 is ours; `key` is the container's. */
    readonly isAttached: (key: string) => boolean;
    readonly files: Files;
  },
): (request: ExplainRequest) => Promise<ExplainReport> {
  const { registry, clock, log } = asking;

  return async (request) => {
    const question = explained(request);
    const container = request.from === undefined ? undefined : containerNamed(registry, request.from);
    const trace = recordingTrace(() => clock.now() * 1000);
    const begin = clock.now();
    const { asked, answer } =
      container === undefined
        ? await asTheHostDoes(question, trace)
        : await asItsStubDoes(request.name, question, container, trace);
    const report = queryReport(question, container?.name ?? null, answer, clock.now() - begin);
    tellProvenance(registry, asked, answer, container, trace);
    // A copy: a server that was asked, too, and was slower goes on telling.
    const steps = trace.steps.map((step) => ({ ...step, us: Math.round(step.us) }));
    return { ...report, answeredAs: asked.name, steps };
  };

  async function asTheHostDoes(question: Question, trace: Trace): Promise<Asked> {
    const why = "as it is: without --from it is nobody's resolv.conf that counts";
    trace.step("stub", "asks", { ...brief(question), why });
    return { asked: question, answer: await askOnce(question, undefined, PLAIN_PAYLOAD, trace) };
  }

  /** The answer that libc takes; where none is one, that to the name as it is, else the last. */
  async function asItsStubDoes(
    text: string,
    question: Question,
    container: Container,
    trace: Trace,
  ): Promise<Asked> {
    const isReverse = addressFromReverse(question.name) !== undefined;
    const stub = tellStub({ ...asking, container, question, trace });
    const { conf, libc } = stub;
    // gethostbyaddr knows no search list.
    const candidates = searchCandidates(isReverse ? question.name : text, conf, libc);
    let best: Asked | undefined;
    for (let next = candidates.next(); next.done !== true; ) {
      const { name: candidate, why } = next.value;
      const name = nameFromText(candidate);
      if (name === undefined) {
        trace.step("stub", "can't ask: it is too long, or no domain name", { name: candidate, why });
        next = candidates.next("nxdomain");
        continue;
      }
      const asked = { ...question, name };
      trace.step("stub", "asks", { ...brief(asked), why });
      const answer = await askOnce(asked, container, payloadOf(stub), trace);
      const outcome = outcomeOf(answer);
      next = candidates.next(outcome);
      const verdict = outcome === "answer" ? "takes the answer" : next.done === true ? "gives up" : "goes on";
      trace.step("stub", verdict, outcome === "answer" ? {} : { after: outcome });
      if (outcome === "answer" || best?.asked.name !== question.name || name === question.name)
        best = { asked, answer };
    }
    if (best !== undefined) return best;
    // Nothing could be asked at all.
    return { asked: question, answer: await askOnce(question, container, payloadOf(stub), trace) };
  }

  async function askOnce(
    question: Question,
    container: Container | undefined,
    payload: number,
    trace: Trace,
  ): Promise<Answer> {
    const { answer } = await ask(asking, question, container, trace);
    const { rcode, answers, origin } = answer;
    trace.step("server", "answers", { rcode: rcodeName(rcode), records: answers.length, origin });
    tellSize(question, answer, payload, trace);
    return answer;
  }

  /** What does not fit into a datagram for such a client. */
  function tellSize(question: Question, answer: Answer, payload: number, trace: Trace): void {
    const flags = { qr: false, opcode: 0, aa: false, tc: false, rd: true, ra: false, ad: false, cd: false };
    const edns = { udpPayloadSize: payload, version: 0, do: false, options: [] };
    const asked = {
      header: { id: 0, ...flags, rcode: Rcode.NOERROR },
      questions: [question],
      ...(payload > PLAIN_PAYLOAD && { edns }),
    };
    const { octets } = compose(asked, answer, { sandbox: undefined, transport: "udp" }, log);
    if ((octets[2]! & TC) === 0) return;
    const records = parseCounts(octets)?.answers ?? 0;
    const detail = { octets: payload, records, of: answer.answers.length };
    trace.step("server", "truncated over UDP, whole over TCP", detail);
  }
}

interface Asked {
  readonly asked: Question;
  readonly answer: Answer;
}

/** In the third octet of a header (RFC 1035 §4.1.1). */
const TC = 0x02;

/** Who gives an address wants to know whose it is: the question is then the one for its PTR record. */
function explained({ name, type }: ExplainRequest): Question {
  const isReverse = isIP(name) !== 0 && (type === undefined || type.toUpperCase() === "PTR");
  if (isReverse) return { name: reverseName(name), type: RrType.PTR, class: RrClass.IN };
  return questionOf({ name, type: type ?? "A" }, "explain");
}

function brief({ name, type }: Question): Record<string, unknown> {
  return { name, type: typeName(type) };
}

function payloadOf({ conf }: Stub): number {
  return conf.flags.has("edns0") ? EDNS_PAYLOAD : PLAIN_PAYLOAD;
}

function outcomeOf({ rcode, answers }: Answer): SearchOutcome {
  if (rcode === Rcode.NOERROR) return answers.length > 0 ? "answer" : "nodata";
  if (rcode === Rcode.NXDOMAIN) return "nxdomain";
  return rcode === Rcode.SERVFAIL ? "servfail" : "failure";
}
