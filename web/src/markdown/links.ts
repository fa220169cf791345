/** Text that reads like an address: `https://…`, `www.…`, or a host with a path or alone. */
const LIKE_ADDRESS = /^(?:[a-z][a-z0-9+.-]*:\/\/|www\.)|^[^\s/@]+\.[^\s/.]{2,}(?:[/?#:]|$)/iu;

/** Marks that change the direction of text, and characters that can't be seen. */
// oxlint-disable-next-line no-misleading-character-class
const UNSEEN = /[\u00AD\u200B-\u200F\u202A-\u202E\u2060-\u2069\uFEFF]/gu;

/**
 * The host to which a link leads, if its text reads like another address; `null` if the text is
 * honest, or is no address.
 */
export function trueHost(href: string, text: string): string | null {
  const target = parse(href);
  if (!target || target.host === '') return null;
  if (target.username !== '') return target.host;
  const said = text.trim();
  const plain = said.replace(UNSEEN, '');
  if (!LIKE_ADDRESS.test(plain)) return null;
  return said === plain && saidHost(said) === target.host ? null : target.host;
}

/** The host that a reader sees: of one in another script not the name that stands for it. */
function saidHost(text: string): string | undefined {
  return /^(?:[a-z][a-z0-9+.-]*:\/\/)?([^/?#\\]*)/i.exec(text)?.[1]?.toLowerCase();
}

function parse(address: string): URL | null {
  try {
    return new URL(address);
  } catch {
    return null;
  }
}
