import type { Config } from '../../api/types';
import { acceptedFileWords as words, sizeWords } from '../../words/files';
import { formatSize } from './sizes';

const MEBIBYTE = 1024 * 1024;

/** The files that the server accepts. */
export interface AcceptedFiles {
  /** In lower case and without a dot. */
  extensions: readonly string[];
  maxBytes: number;
}

/** Returns `null` if the server has not reported which files it accepts. It checks each file anyway. */
export function acceptedFiles(config: Config | null): AcceptedFiles | null {
  // After an upgrade, an open page may talk to a server of another version.
  if (!config?.upload_extensions) return null;
  return { extensions: config.upload_extensions, maxBytes: config.max_upload_bytes };
}

/** The value of the `accept` attribute of a file input. */
export function acceptAttribute({ extensions }: AcceptedFiles): string {
  return extensions.map((extension) => `.${extension}`).join(',');
}

/** “TXT, MD and JSON files, up to 5 MB”. */
export function describeAccepted({ extensions, maxBytes }: AcceptedFiles): string {
  return words.hint(kindsOf(extensions), limitText(maxBytes));
}

/** Why a file would be rejected; `null` if it is accepted. */
export function rejectionOf(
  { name, size }: Pick<File, 'name' | 'size'>,
  { extensions, maxBytes }: AcceptedFiles,
): string | null {
  if (!extensions.includes(extensionOf(name))) return words.unsupported(name, kindsOf(extensions));
  if (size > maxBytes) return words.tooLarge(name, formatSize(size), limitText(maxBytes));
  return null;
}

/** The extension of a file name, in lower case and without the dot; empty if it has none. */
export function extensionOf(name: string): string {
  return /\.([^.]+)$/u.exec(name.trim())?.[1]?.toLowerCase() ?? '';
}

function kindsOf(extensions: readonly string[]): string {
  return words.kinds(extensions.map((extension) => extension.toUpperCase()));
}

/** The limit as in the server's settings and messages, where a megabyte has 1024 × 1024 bytes. */
function limitText(maxBytes: number): string {
  const tenths = Math.floor((maxBytes * 10) / MEBIBYTE);
  return tenths === 0 ? formatSize(maxBytes) : sizeWords.megabytes(tenths / 10);
}
