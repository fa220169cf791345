import type { ConnectionState } from '../../api/connection/socket';

export interface TabState {
  title: string;
  /** The path of the favicon. */
  icon: string;
}

interface TabInput {
  connection: ConnectionState;
  isAnswering: boolean;
  /** Whether an answer was completed while the tab was in the background. */
  hasUnseenAnswer: boolean;
  title: string | null;
}

/** Returns the title and the icon for the browser tab. */
export function describeTab({
  connection,
  isAnswering,
  hasUnseenAnswer,
  title,
}: TabInput): TabState {
  const name = title === null ? 'Webchat' : `${title} – Webchat`;
  if (connection !== 'connected' && connection !== 'connecting') {
    return { title: name, icon: 'favicon-disconnected.svg' };
  }
  if (isAnswering) return { title: name, icon: 'favicon-answering.svg' };
  if (hasUnseenAnswer) return { title: `• ${name}`, icon: 'favicon-answered.svg' };
  return { title: name, icon: 'favicon.svg' };
}
