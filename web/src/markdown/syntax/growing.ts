import type { Env } from 'markdown-it';

/** Whether more text may follow, so that an unclosed construct at the end may still be closed. */
export function isGrowing(env: Env): boolean {
  return env['isGrowing'] === true;
}
