import { beforeEach, describe, expect, test, vi } from 'vitest';

import { TextStorage } from '../../state/storage';
import { Outbox } from './outbox';

const tab = () => new Outbox(new TextStorage(localStorage));
const message = (id: string, changes = {}) => ({
  message: id,
  conversation_id: 'c',
  client_message_id: id,
  ...changes,
});
const pendingIds = (outbox: Outbox) => outbox.pending().map(({ client_message_id: id }) => id);

beforeEach(() => localStorage.clear());

describe('the outbox', () => {
  test('holds the messages of all tabs, oldest first', () => {
    vi.useFakeTimers();
    const one = tab();
    const other = tab();
    for (const [outbox, id] of [
      [one, 'z'],
      [other, 'y'],
      [one, 'x'],
    ] as const) {
      outbox.put(message(id));
      vi.advanceTimersByTime(1);
    }
    vi.useRealTimers();

    expect(pendingIds(one)).toEqual(['z', 'y', 'x']);
    other.remove('z');
    expect(pendingIds(one)).toEqual(['y', 'x']);
    expect(pendingIds(tab())).toEqual(['y', 'x']);
  });

  test('keeps its messages while the page is open if nothing can be stored', () => {
    const outbox = new Outbox(new TextStorage(null));

    expect(outbox.put(message('m1'))).toBe(false);

    expect(pendingIds(outbox)).toEqual(['m1']);
  });

  test('holds the messages of a new chat until its conversation exists', () => {
    const outbox = tab();
    outbox.put(message('m1', { conversation_id: null, start_key: 'k' }));
    expect(outbox.startKeys()).toEqual(['k']);

    outbox.assign('k', 'c');

    expect(outbox.startKeys()).toEqual([]);
    expect(outbox.forConversation('c')).toMatchObject([{ client_message_id: 'm1' }]);
  });
});
