import { render } from 'lit';
import Checkmark from '@carbon/icons/es/checkmark/16.js';

import { copyWords } from '../words/ui';
import { announce } from './notifications/announcer';
import { icon } from './icon';

const FEEDBACK_MS = 2000;

/** The buttons that show “Copied”, with the function that restores each of them. */
const restorers = new WeakMap<HTMLElement, () => void>();

/** Copies the text, shows a check mark in the button for a moment, and announces the result. */
export async function copyText(text: string, button: EventTarget | null): Promise<void> {
  if (!(await write(text))) {
    announce(copyWords.notCopied());
    return;
  }
  announce(copyWords.copied());
  if (button instanceof HTMLElement) showCopied(button);
}

async function write(text: string): Promise<boolean> {
  try {
    // `navigator.clipboard` exists only in secure contexts, but the page may be served over plain HTTP.
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

function showCopied(button: HTMLElement): void {
  // A second click must not take “Copied” for the original label.
  restorers.get(button)?.();
  const label = button.getAttribute('aria-label');
  const mark = document.createElement('span');
  mark.className = 'copied-mark';
  render(icon(Checkmark), mark);
  button.append(mark);
  button.classList.add('copied');
  if (label !== null) button.setAttribute('aria-label', copyWords.copied());
  const restore = () => {
    clearTimeout(timer);
    restorers.delete(button);
    mark.remove();
    button.classList.remove('copied');
    if (label !== null) button.setAttribute('aria-label', label);
  };
  const timer = setTimeout(restore, FEEDBACK_MS);
  restorers.set(button, restore);
}

function copyBySelection(text: string): boolean {
  const focused = document.activeElement;
  const area = document.createElement('textarea');
  area.value = text;
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand('copy');
  area.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return isCopied;
}
