import { beforeEach, describe, expect, test } from 'vitest';

import { TextStorage } from '../storage';
import { AnswerMarks } from './answer-marks';

beforeEach(() => localStorage.clear());

/** Reports a change of the mark to another tab, as the browser does. */
const reportChange = (marks: AnswerMarks, id: string) =>
  marks.handleStorageChange(`answer.${id}`, localStorage.getItem(`webchat.answer.${id}`));

describe('the marks of conversations', () => {
  test('survive a reload', () => {
    const marks = new AnswerMarks(new TextStorage(localStorage));
    marks.mark('a', 'running');
    marks.mark('b', 'unread');
    marks.mark('c', 'unread');
    marks.mark('c', null);

    expect([...new AnswerMarks(new TextStorage(localStorage)).value]).toEqual([
      ['a', 'running'],
      ['b', 'unread'],
    ]);
  });

  test('are shared by all tabs', () => {
    const [tab, other] = [
      new AnswerMarks(new TextStorage(localStorage)),
      new AnswerMarks(new TextStorage(localStorage)),
    ];
    tab.mark('a', 'unread');
    reportChange(other, 'a');
    expect(other.get('a')).toBe('unread');

    tab.mark('a', null);
    reportChange(other, 'a');

    expect(other.get('a')).toBeUndefined();
  });

  test('let only one tab announce an unread answer', () => {
    const [tab, other] = [
      new AnswerMarks(new TextStorage(localStorage)),
      new AnswerMarks(new TextStorage(localStorage)),
    ];
    tab.mark('a', 'unread');
    reportChange(other, 'a');

    expect([tab, other].map((marks) => marks.claimAnnouncement('a'))).toEqual([true, false]);
    tab.mark('a', null);
    expect(tab.claimAnnouncement('a')).toBe(false);
  });
});
