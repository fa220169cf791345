import '../ui/dialogs.scss';
import './context.scss';

import { html, nothing, type PropertyValues } from 'lit';

import './context-examples';
import './context-parameters';
import './context-text';

import type { Context } from '../api/types';
import type { ContextEditor, ContextPart } from '../state/context/context-editor';
import { formatDate } from '../state/dates';
import { formatCount, formatNumber } from '../state/numbers';
import { Modal } from '../ui/modal';
import { StoreController } from '../ui/store-controller';
import { ledgerView } from './context-ledger';

const AUTHOR_LABELS = { model: 'Written by the model', user: 'Written by you', import: 'Imported' };

/** The panel for everything that is sent to the model in addition to the messages. */
export class ContextPanel extends Modal {
  protected readonly heading = 'Chat settings';
  protected override readonly variant = 'sheet';

  readonly #editor = new StoreController(this);
  readonly #state = new StoreController(this);

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('app')) this.#editor.store = this.app.contextEditor;
    const editor = this.app.contextEditor.value;
    if (editor) this.#state.store = editor.state;
  }

  protected content() {
    const editor = this.app.contextEditor.value;
    if (!editor) return html``;
    const { phase, context } = editor.state.value;
    if (phase === 'failed') {
      return html`<div role="alert">
        <p>The context can’t be loaded.</p>
        <button class="link" type="button" @click=${() => editor.load()}>Try again</button>
      </div>`;
    }
    if (!context) {
      return html`<div class="skeleton" role="status" aria-label="Loading">
        ${[90, 40, 82, 72, 60].map((width) => html`<span class="bar w${width}"></span>`)}
      </div>`;
    }
    return html`
      <section class="context-section" aria-label="Tokens">${ledgerView(context.ledger)}</section>
      ${this.#summary(editor, context)} ${this.#prompt(editor, context)}
      <section class="context-section">
        <h3>Parameters</h3>
        <webchat-context-parameters
          .editor=${editor}
          .parameters=${context.parameters}
        ></webchat-context-parameters>
        ${problemView(editor, 'parameters')}
      </section>
      <section class="context-section">
        <h3>Examples</h3>
        <p class="aside">
          Sample questions and answers, which are sent to the model before the messages.
        </p>
        <webchat-context-examples
          .editor=${editor}
          .examples=${context.few_shot_examples}
        ></webchat-context-examples>
        ${problemView(editor, 'examples')}
      </section>
    `;
  }

  #summary(editor: ContextEditor, { summary }: Context) {
    if (!summary) {
      return html`<section class="context-section">
        <h3>Summary</h3>
        <p class="aside">
          No summary yet. When the conversation gets too long for the model, older messages are
          summarised; you can still read them all.
        </p>
        ${problemView(editor, 'summary')}
      </section>`;
    }
    const day = formatDate(new Date(summary.created_at));
    return html`<section class="context-section">
      <h3>Summary</h3>
      <p class="aside">
        Sent to the model instead of the ${oldestMessages(summary.message_count)}.
        ${AUTHOR_LABELS[summary.author]}, ${day}; ${formatCount(summary.token_count, 'token')}.
      </p>
      <webchat-context-text
        .label=${'Summary'}
        .text=${summary.text}
        .discardLabel=${'Remove'}
        .isSaving=${editor.state.value.savingPart === 'summary'}
        .save=${(text: string) => editor.replaceSummary(text)}
        .discard=${() => editor.removeSummary()}
      ></webchat-context-text>
      ${problemView(editor, 'summary')}
    </section>`;
  }

  #prompt(editor: ContextEditor, { system_prompt: prompt }: Context) {
    const save = (text: string | null) => editor.change('system_prompt', { system_prompt: text });
    return html`<section class="context-section">
      <h3>System prompt</h3>
      <p class="aside">
        ${
          prompt
            ? `Applies to this conversation only; ${formatCount(prompt.token_count, 'token')}.`
            : 'Using the server’s default. You can write your own for this conversation.'
        }
      </p>
      <webchat-context-text
        .label=${'System prompt'}
        .text=${prompt?.text ?? ''}
        .discardLabel=${'Use the default'}
        .isSaving=${editor.state.value.savingPart === 'system_prompt'}
        .save=${save}
        .discard=${prompt ? () => save(null) : null}
      ></webchat-context-text>
      ${problemView(editor, 'system_prompt')}
    </section>`;
  }
}

function oldestMessages(count: number): string {
  return count === 1 ? 'oldest message' : `${formatNumber(count)} oldest messages`;
}

function problemView(editor: ContextEditor, part: ContextPart) {
  const problem = editor.state.value.problem;
  if (problem?.part !== part) return nothing;
  return html`<p class="problem" role="alert">${problem.text}</p>`;
}

customElements.define('webchat-context-panel', ContextPanel);
