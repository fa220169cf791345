import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import type { App } from '../app/app';
import { AnswerMarks } from '../state/conversations/answer-marks';
import { ConversationList } from '../state/conversations/conversation-list';
import { Renaming } from '../state/conversations/renaming';
import { Search } from '../state/conversations/search';
import { conversation } from '../state/conversations/testing';
import { TextStorage } from '../state/storage';
import './conversation-list';
import './sidebar';

const tides = conversation('c', { title: 'Tides' });

const COMPOSING: readonly KeyboardEventInit[] = [{ isComposing: true }, { keyCode: 229 }];

const emptyPage = () => Promise.resolve({ conversations: [], next_cursor: null });

function press(target: Element | null, key: string, init: KeyboardEventInit = {}): void {
  target?.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, ...init }));
}

afterEach(() => document.body.replaceChildren());

describe('the search field', () => {
  let search: Search;
  let field: HTMLInputElement | null;

  beforeEach(async () => {
    search = new Search(() => Promise.resolve({ titles: [], hits: [] }));
    const sidebar = document.createElement('webchat-sidebar');
    const list = new ConversationList(emptyPage);
    sidebar.app = { conversations: { search, active: list, archived: list } } as unknown as App;
    document.body.append(sidebar);
    await sidebar.updateComplete;
    field = sidebar.querySelector('input');
    search.setQuery('にほ');
  });

  test('is cleared by Escape', () => {
    press(field, 'Escape');

    expect(search.state.value.query).toBe('');
  });

  test.each(COMPOSING)('leaves Escape to an input method with %o', (init) => {
    press(field, 'Escape', init);

    expect(search.state.value.query).toBe('にほ');
  });

  test.each(COMPOSING)('leaves Arrow down to an input method with %o', (init) => {
    const hit = document.createElement('a');
    hit.className = 'hit';
    hit.tabIndex = 0;
    field?.after(hit);
    field?.focus();

    press(field, 'ArrowDown', init);
    expect(document.activeElement).toBe(field);

    press(field, 'ArrowDown');
    expect(document.activeElement).toBe(hit);
  });
});

describe('the field for renaming', () => {
  let app: App;
  let conversations: ConversationList;
  let list: HTMLElement;
  const input = () => list.querySelector<HTMLInputElement>('.rename input');

  beforeEach(async () => {
    conversations = new ConversationList(emptyPage);
    conversations.state.update((state) => ({ ...state, phase: 'ready' }));
    conversations.upsert(tides);
    const rename = vi.fn(() => Promise.resolve());
    const marks = new AnswerMarks(new TextStorage(null));
    app = { marks, conversations: { renaming: new Renaming(), rename } } as unknown as App;
    list = Object.assign(document.createElement('webchat-conversation-list'), {
      app,
      list: conversations,
    });
    document.body.append(list);
    await expect.poll(() => list.querySelector('a')).not.toBeNull();
    press(list.querySelector('a'), 'F2');
    await expect.poll(input).not.toBeNull();
  });

  const type = (text: string) => {
    const field = input();
    if (!field) throw new Error('there is no field');
    field.value = text;
    field.dispatchEvent(new Event('input', { bubbles: true }));
  };

  test.each(COMPOSING)('leaves Escape to an input method with %o', async (init) => {
    press(input(), 'Escape', init);
    await new Promise(requestAnimationFrame);
    expect(input()).not.toBeNull();

    press(input(), 'Escape');
    await expect.poll(input).toBeNull();
    expect(app.conversations.rename).not.toHaveBeenCalled();
  });

  test('keeps what is typed when the server changes the title and the row is rendered again', async () => {
    type('My own na');

    // The title is generated, and the conversation moves to another group of the list.
    const renamed = { ...tides, title: 'Automatic title', updated_at: new Date().toISOString() };
    conversations.upsert(renamed);
    await expect.poll(() => list.querySelector('h2')?.textContent).toBe('Today');

    expect(input()?.value).toBe('My own na');
    expect(document.activeElement).toBe(input());
    expect(app.conversations.rename).not.toHaveBeenCalled();
  });

  test('saves the title when the user clicks elsewhere, but not when the window loses the focus', async () => {
    type('The sea');
    input()?.dispatchEvent(new FocusEvent('focusout', { bubbles: true }));
    expect(app.conversations.rename).not.toHaveBeenCalled();

    document.body.dispatchEvent(new Event('pointerdown', { bubbles: true }));

    expect(app.conversations.rename).toHaveBeenCalledWith('c', 'The sea');
    await expect.poll(input).toBeNull();
  });
});
