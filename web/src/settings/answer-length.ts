import { html } from 'lit';

import { parseLength } from '../state/context/answer-length';
import type { ContextEditor } from '../state/context/context-editor';
import type { SettingDraft } from '../state/context/setting-drafts';
import { focusIfLost } from '../ui/keyboard/focus';
import { LightDomElement } from '../ui/light-dom-element';
import { lengthWords as words } from '../words/settings';
import { numberField } from './number-field';
import { saveRow } from './save-row';

/** The maximum length of an answer in this chat. */
export class AnswerLength extends LightDomElement {
  static override properties = {
    editor: { attribute: false },
    tokens: { attribute: false },
    limit: { attribute: false },
    draft: { attribute: false },
    isInvalid: { state: true },
  };

  declare editor: ContextEditor;
  /** The saved length; `null` if the server default applies. */
  declare tokens: number | null;
  /** The server's maximum. */
  declare limit: number;
  declare draft: SettingDraft;
  declare isInvalid: boolean;

  constructor() {
    super();
    this.isInvalid = false;
  }

  protected override render() {
    const status = this.editor.statusOf('reply_tokens');
    const problem = this.isInvalid ? words.invalid(this.limit) : status.problem;
    const saved = String(this.tokens ?? '');
    const text = this.draft.read() ?? saved;
    return html`<form class="form-item" novalidate @submit=${this.#submit}>
      ${numberField({
        id: 'answer-length',
        label: words.label(),
        help: words.help(this.limit),
        text,
        problem,
        inputmode: 'numeric',
        onedit: (edited) => this.#edit(edited),
      })}
      ${saveRow({ label: words.save(), isChanged: text !== saved, status, cancel: () => this.#cancel() })}
    </form>`;
  }

  #edit(text: string): void {
    this.draft.write(text === String(this.tokens ?? '') ? null : text);
    this.isInvalid = false;
    this.requestUpdate();
  }

  async #submit(event: Event): Promise<void> {
    event.preventDefault();
    const text = this.draft.read();
    if (text === null || this.editor.statusOf('reply_tokens').isSaving) return;
    const tokens = parseLength(text, this.limit);
    this.isInvalid = tokens === undefined;
    if (tokens !== undefined) {
      const isSaved = await this.editor.change('reply_tokens', { reply_tokens: tokens });
      if (isSaved && this.draft.read() === text) this.draft.write(null);
      this.requestUpdate();
    }
    focusIfLost(this, 'input');
  }

  #cancel(): void {
    this.draft.write(null);
    this.isInvalid = false;
    this.requestUpdate();
    this.querySelector('input')?.focus();
  }
}

customElements.define('webchat-answer-length', AnswerLength);
