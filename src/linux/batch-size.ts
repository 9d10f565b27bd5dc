/** Datagrams read, or sent, with one system call. */
export const BATCH = 64;
/** The most octets of an answer. */
export const SEND_STRIDE = 4096;
/** A `struct sockaddr_in6` and more. */
export const ADDRESS_STRIDE = 32;
