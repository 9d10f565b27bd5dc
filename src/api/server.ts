import { createServer } from "node:http";
import type { HttpBindings } from "@hono/node-server";
import { getRequestListener } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { type Context, Hono } from "hono";
import { z } from "zod";
import { CodedError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { Control } from "./control.ts";
import { eventStreams } from "./event-stream.ts";
import { lines } from "./lines.ts";
import { listenOnSocket } from "./socket.ts";

const queryRequest = z.object({ name: z.string(), type: z.string(), from: z.string().optional() });
const explainRequest = z.object({
  name: z.string(),
  type: z.string().optional(),
  from: z.string().optional(),
});
const watchRequest = z.object({
  container: z.string().optional(),
  name: z.string().optional(),
  type: z.string().optional(),
  rcode: z.string().optional(),
  slow: z.coerce.number().min(0).optional(),
});
const flushRequest = z.object({ name: z.string().optional() });
const containersRequest = z.object({ containers: z.array(z.string()).min(1) });

/** The control surface over HTTP on a unix socket. Errors are `{error: {code, message, remedy}}`. */
export async function serveControl(options: {
  readonly path: string;
  readonly control: Control;
  readonly log: Logger;
  /** Waits no longer for another daemon's end. */
  readonly hurry?: AbortSignal | undefined;
}): Promise<{ close(): Promise<void> }> {
  const { control, log, hurry } = options;
  const app = new Hono<{ Bindings: HttpBindings }>();
  const streams = eventStreams();
  app.get("/status", (c) => c.json(control.status()));
  app.post("/query", async (c) => c.json(await control.query(await body(c, queryRequest))));
  app.post("/explain", async (c) => c.json(await control.explain(await body(c, explainRequest))));
  app.get("/records", (c) => c.json(control.records(c.req.query())));
  app.get("/history", (c) => c.json(control.history(c.req.query("name"))));
  app.post("/attach", async (c) =>
    c.json(await control.attach((await body(c, containersRequest)).containers)),
  );
  app.post("/detach", async (c) =>
    c.json(await control.detach((await body(c, containersRequest)).containers)),
  );
  app.get("/cache", (c) => c.json(control.cache()));
  app.post("/cache/flush", async (c) => c.json(control.flushCache((await body(c, flushRequest)).name)));
  app.get("/watch", (c) => {
    const request = checked(watchRequest, c.req.query());
    streams.start(c.env.outgoing, (take) => control.watch(request, take));
    return RESPONSE_ALREADY_SENT;
  });
  app.post("/doctor", () => lines((tell, signal) => control.doctor(tell, signal), errorBody));
  app.onError((error, c) => {
    if (!(error instanceof CodedError))
      log.error({ err: error, path: c.req.path }, "a control request failed");
    const body = errorBody(error);
    return c.json(body, body.error.code === "INTERNAL" ? 500 : 400);
  });
  // A newer client may ask for what this daemon does not know yet.
  app.notFound((c) => {
    const error = {
      code: "UNSUPPORTED",
      message: `Cannot ${c.req.method} ${c.req.path}: this daemon has no such call`,
    };
    return c.json({ error: { ...error, remedy: "use the same version of eleven as the daemon" } }, 404);
  });
  const server = createServer(getRequestListener(app.fetch));
  const listening = await listenOnSocket(server, options.path, { log, hurry });
  return {
    async close() {
      await streams.end();
      await listening.close();
    },
  };
}

function errorBody(error: unknown) {
  const remedy = "this is a fault of eleven: see the daemon's log";
  const coded =
    error instanceof CodedError ? error : new CodedError("INTERNAL", messageOf(error), { remedy });
  return { error: { code: coded.code, message: coded.message, remedy: coded.remedy } };
}

async function body<T>(c: Context, schema: z.ZodType<T>): Promise<T> {
  return checked(schema, await c.req.json().catch(() => undefined));
}

function checked<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new CodedError("USAGE", `Cannot read the request: ${z.prettifyError(parsed.error)}`);
}
