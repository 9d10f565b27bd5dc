/** The type of an answer that takes its time: a JSON document a line, some of progress, the last of the result. */
export const LINES_TYPE = "application/x-ndjson";

export type Line<T> = { readonly progress: unknown } | { readonly result: T } | { readonly error: object };

/** A response that grows by a line each time `work` tells of progress; `signal` is aborted when nobody reads it any more. */
export function lines<T>(
  work: (tell: (progress: object) => void, signal: AbortSignal) => Promise<T>,
  errorBody: (error: unknown) => { readonly error: object },
): Response {
  const unread = new AbortController();
  const encoder = new TextEncoder();
  const stream = new ReadableStream<Uint8Array>({
    async start(controller) {
      const put = (line: Line<T>): void => {
        if (!unread.signal.aborted) controller.enqueue(encoder.encode(`${JSON.stringify(line)}\n`));
      };
      put(
        await work((progress) => put({ progress }), unread.signal).then(
          (result) => ({ result }),
          (error: unknown) => errorBody(error),
        ),
      );
      if (!unread.signal.aborted) controller.close();
    },
    cancel: () => unread.abort(),
  });
  return new Response(stream, { headers: { "content-type": LINES_TYPE } });
}
