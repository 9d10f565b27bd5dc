/** The part of a pino logger that this program uses; the values first, then the sentence. */
export interface Logger {
  debug(values: object, text: string): void;
  info(values: object, text: string): void;
  warn(values: object, text: string): void;
  error(values: object, text: string): void;
}

/** Says nothing. For tests, and for commands that have no log. */
export const silentLog: Logger = { debug() {}, info() {}, warn() {}, error() {} };
