import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { Conversation } from '../api/types';
import type { App } from '../app/app';
import { ConversationList } from '../state/conversations/conversation-list';
import { Search } from '../state/conversations/search';
import { conversation } from '../state/conversations/testing';
import './conversation-row';
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
  test.each(COMPOSING)('leaves Escape to an input method with %o', async (init) => {
    const row = document.createElement('webchat-conversation-row') as HTMLElement & {
      conversation: Conversation;
      updateComplete: Promise<boolean>;
    };
    row.conversation = tides;
    document.body.append(row);
    await row.updateComplete;
    press(row.querySelector('a'), 'F2');
    await row.updateComplete;

    press(row.querySelector('input'), 'Escape', init);
    await row.updateComplete;
    expect(row.querySelector('input')).not.toBeNull();

    press(row.querySelector('input'), 'Escape');
    await row.updateComplete;
    expect(row.querySelector('input')).toBeNull();
  });
});
