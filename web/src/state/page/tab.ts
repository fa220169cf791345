import type { Connection } from '../../api/socket';

export interface TabState {
  title: string;
  /** The picture's file. */
  icon: string;
}

interface Known {
  connection: Connection;
  isAnswering: boolean;
  /** An answer became whole while nobody looked. */
  isUnseen: boolean;
  title: string | null;
}

/** What the browser's tab shows. */
export function tabOf({ connection, isAnswering, isUnseen, title }: Known): TabState {
  const name = title === null ? 'Webchat' : `${title} – Webchat`;
  if (connection !== 'connected' && connection !== 'connecting') {
    return { title: name, icon: '/favicon-away.svg' };
  }
  if (isAnswering) return { title: name, icon: '/favicon-answering.svg' };
  if (isUnseen) return { title: `• ${name}`, icon: '/favicon-answered.svg' };
  return { title: name, icon: '/favicon.svg' };
}
