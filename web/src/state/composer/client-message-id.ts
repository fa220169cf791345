/** An id for a message that this browser sends: 128 random bits. */
export function newClientMessageId(): string {
  // `crypto.randomUUID` is missing when the page is served over plain HTTP from another machine.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
