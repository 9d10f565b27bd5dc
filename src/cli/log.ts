import { pino } from "pino";
import { PinoPretty } from "pino-pretty";
import type { Logger } from "../base/log.ts";

/** Logs to stderr: lines for people on a terminal, else one JSON object a line. */
export function createLog(color: boolean): Logger {
  const level = process.env.ELEVEN_LOG ?? "info";
  if (process.stderr.isTTY !== true) return pino({ level }, pino.destination({ dest: 2, sync: true }));
  const options = {
    colorize: color,
    destination: 2,
    ignore: "pid,hostname",
    translateTime: "HH:MM:ss.l",
    sync: true,
  };
  return pino({ level }, PinoPretty(options));
}
