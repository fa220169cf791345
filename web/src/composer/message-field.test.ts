import { describe, expect, test, vi } from 'vitest';

import './message-field';

describe('the message field', () => {
  test.each([{ isComposing: true }, { keyCode: 229 }])(
    'leaves Enter and Escape to an input method with %o',
    async (composing) => {
      const field = document.createElement('webchat-message-field');
      const submit = vi.fn();
      const cancel = vi.fn();
      field.addEventListener('submit-text', submit);
      field.addEventListener('cancel', cancel);
      document.body.append(field);
      await field.updateComplete;
      const textarea = field.querySelector('textarea');
      const press = (key: string, init: KeyboardEventInit = {}) =>
        textarea?.dispatchEvent(new KeyboardEvent('keydown', { key, ...init }));

      press('Enter', composing);
      press('Escape', composing);
      expect([submit, cancel].map((listener) => listener.mock.calls.length)).toEqual([0, 0]);

      press('Enter');
      press('Escape');
      expect([submit, cancel].map((listener) => listener.mock.calls.length)).toEqual([1, 1]);
    },
  );
});
