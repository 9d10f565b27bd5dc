import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { z } from "zod";
import { CodedError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { Control } from "./control.ts";
import { listenOnSocket } from "./socket.ts";

const queryRequest = z.object({ name: z.string(), type: z.string(), from: z.string().optional() });
const containersRequest = z.object({ containers: z.array(z.string()).min(1) });

/** The control surface over HTTP on a unix socket. Errors are `{error: {code, message, remedy}}`. */
export async function serveControl(options: {
  readonly path: string;
  readonly control: Control;
  readonly log: Logger;
}): Promise<{ close(): Promise<void> }> {
  const { control, log } = options;
  const app = new Hono();
  app.get("/status", (c) => c.json(control.status()));
  app.post("/query", async (c) => c.json(await control.query(await body(c, queryRequest))));
  app.get("/records", (c) => c.json(control.records(c.req.query())));
  app.get("/history", (c) => c.json(control.history(c.req.query("name"))));
  app.post("/attach", async (c) =>
    c.json(await control.attach((await body(c, containersRequest)).containers)),
  );
  app.post("/detach", async (c) =>
    c.json(await control.detach((await body(c, containersRequest)).containers)),
  );
  app.onError((error, c) => {
    if (!(error instanceof CodedError))
      log.error({ err: error, path: c.req.path }, "a control request failed");
    const remedy = "this is a fault of eleven: see the daemon's log";
    const coded =
      error instanceof CodedError ? error : new CodedError("INTERNAL", messageOf(error), { remedy });
    const body = { error: { code: coded.code, message: coded.message, remedy: coded.remedy } };
    return c.json(body, coded.code === "INTERNAL" ? 500 : 400);
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
  return listenOnSocket(server, options.path);
}

async function body<T>(c: Context, schema: z.ZodType<T>): Promise<T> {
  const parsed = schema.safeParse(await c.req.json().catch(() => undefined));
  if (parsed.success) return parsed.data;
  throw new CodedError("USAGE", `Cannot read the request: ${z.prettifyError(parsed.error)}`);
}
