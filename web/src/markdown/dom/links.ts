/** Text that looks like an address: `https://…`, `www.…`, or a host with or without a path. */
const ADDRESS_LIKE = /^(?:[a-z][a-z0-9+.-]*:\/\/|www\.)|^[^\s/@]+\.[^\s/.]{2,}(?:[/?#:]|$)/iu;

/** Bidirectional controls and invisible characters. */
// oxlint-disable-next-line no-misleading-character-class
const INVISIBLE = /[\u00AD\u200B-\u200F\u202A-\u202E\u2060-\u2069\uFEFF]/gu;

/**
 * The host of a link that may mislead its readers: its URL contains a user name, or its text looks like an address with
 * another host or with invisible characters. `null` for other links.
 */
export function mismatchedHost(href: string, text: string): string | null {
  const target = parse(href);
  if (!target || target.host === '') return null;
  if (target.username !== '') return target.host;
  const trimmed = text.trim();
  const plain = trimmed.replace(INVISIBLE, '');
  if (!ADDRESS_LIKE.test(plain)) return null;
  return trimmed === plain && visibleHost(trimmed) === target.host ? null : target.host;
}

/** The host as displayed: an internationalised name is not converted to Punycode. */
function visibleHost(text: string): string | undefined {
  return /^(?:[a-z][a-z0-9+.-]*:\/\/)?([^/?#\\]*)/i.exec(text)?.[1]?.toLowerCase();
}

function parse(address: string): URL | null {
  try {
    return new URL(address);
  } catch {
    return null;
  }
}
