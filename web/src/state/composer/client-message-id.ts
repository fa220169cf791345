/** Creates an id for a message that this browser sends: 128 random bits. */
export function newClientMessageId(): string {
  // `crypto.randomUUID` exists only in secure contexts, but the page may be served over plain HTTP.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
